"""What a clinical study adds to a table: choices, keys, partial dates, participants, joins, reports.

Functions here work on frames and on the catalogue, and ask nobody anything: what they need is read by who calls them.
"""
