"""The sentences people write first, on one default connection; everything here only passes on.

Each room holds the sentences of one kind, which are nearly all docstring: they are what ``help()`` shows.
"""
