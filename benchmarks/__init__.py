"""What a read costs through Metabase, against the other ways of getting the same rows, in one interleaved run.

Every way is measured in a process of its own, in turns with all others, and judged by the median of its ratios of
equal rounds; a way whose rows are not those of PostgreSQL is no result at all.
"""
