"""What a study's tables say together: participants, choices, columns along the foreign keys, reports.

Each function takes a connection or a snapshot and asks it in its own words. On a live connection the tables are read
one after another, each of its own moment; a snapshot is one moment.
"""
