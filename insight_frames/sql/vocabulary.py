"""The words that the messages of PostgreSQL and Metabase about queries are made of.

Only words of this list survive in a message that is not known. A word that could be a name or a finding of a patient
has no place in it, however common.
"""

from __future__ import annotations

from typing import Final

WORDS: Final = frozenset(
    """
    ALL AND ANY ARRAY AS ASC BETWEEN BY CASE CAST COALESCE Cannot Could DATE DELETE DESC DISTINCT ELSE EXCEPT
    EXISTS FETCH FILTER FOR FROM FULL FUNCTION GREATEST GROUP GROUPING HAVING IN INSERT INTERSECT INTO IS Index
    JOIN JSON Java KEY LATERAL LEAST LEFT LIKE LIMIT Missing NOT NULL NULLIF OFFSET ON OR ORDER ORDINALITY OVER
    Operation Out PARTITION Query RANGE RIGHT ROW ROWS ResultSet SELECT SETS SHARE SQL Select TABLE TIES TIME
    TIMESTAMP Timed UESCAPE UNION UPDATE USING VALUES WHEN WHERE WINDOW WITH Your ZONE a abort aborted accept
    access address administrator after aggregate all allow allowed already ambiguous an and anonymous any
    argument arguments array arrays as at attribute authentication available backend backreference balanced be
    because been before beginning being beyond bigint binary bit block body boolean bound braces brackets buffer
    but by byte bytea bytes cache call calls can canceled canceling cancelled cannot cardinality case cast cell
    change changed character characters check class clause closed code collating collation column columns
    command commands comment committed complex composite concurrent condition configuration conflict connect
    connection connections constraint contain contains context convert corrupted could count create current
    cursor data database databases date date/time deadlock decode default definition delete delimiter
    dependencies depth detected determine did different digit dimension dimensions direct directory disk
    displacement distinct division do does dollar-quoted domain double driver due duplicate during each element
    elements empty encoding end end-of-string enlarge entries entry enum equal error escape even exceed exceeded
    exceeds exclude execute exist exists expected expression expressions extended extract failed failure feature
    few field file finish first float for foreign form format found fractional from full function functions
    generate given greater group grouping has have heap hexadecimal identifier if implemented import in include
    incomplete inconsistent increment index input insert insufficient integer integers interval into invalid
    invocation is isolation join json jsonb jsonpath key label language large last left length less level levels
    limit line list literal lock logarithm lower lowercase malformed mantissa many map match matched maximum may
    memory message method minimum missing module more most multidimensional multiple multirange must name named
    names native near need nested new no nodes non non-integer not nothing null number numeric object of offset
    on one only open operand operation operator or order origin out outer overall overflow overflows overlap
    owner parallel parameter parameters parentheses parse parser part partition password path pattern period
    permission permitted pick point position power precision prepared primary privilege procedure process
    produce produced proper quantifier query quoted raised range ranges read read-only real recognized record
    recovery recursion recursive reference references regular rejecting relation relational reload repeatable
    request requested required requires reserved resize resource result results return returned returning
    returns right role row rows run running same savepoint scalar scale scan schema search second segment select
    sequence serializable serialize server session set set-returning settings shared shutdown shutting single
    size smallint socket sorted source space specification specified specifier specify square stack standby
    start started starting state statement step stored string strings structure subquery subscript subscripts
    subset substring subtract supported syntax system table tables target temp temporary term terminated
    terminating text than that the there this time timed timeout timestamp timestamps to token too trailing
    transaction transactions translation truncate tsquery type types unable undefined unexpected unexpectedly
    unicode unique units unknown unmatched unrecognized unsupported unterminated up update upper used user using
    uuid valid value values variable varying version view violates wait waiting was when where which while
    window with within without work would write wrong xml yield your zero zone
    """.split()  # noqa: SIM905
)
