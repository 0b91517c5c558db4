"""The sentences people write first, on one default connection; everything here only passes on.

Each room holds the sentences of one kind, which are nearly all docstring: they are what ``help()`` shows.
"""

from __future__ import annotations

from .freezing import diff, open_snapshot, snapshot
from .instance import doctor, export
from .metrics import archive_metric, create_metric, list_metrics, update_metric
from .opening import connect, default
from .plans import apply_plan, plan_metrics, plan_segments, undo_plan
from .questions import embed_url, list_questions, read_embedded, read_question
from .segments import archive_segment, create_segment, list_segments, update_segment
from .tables import describe_table, list_schemas, list_tables, read_sql, read_table

__all__ = [
    "apply_plan",
    "archive_metric",
    "archive_segment",
    "connect",
    "create_metric",
    "create_segment",
    "default",
    "describe_table",
    "diff",
    "doctor",
    "embed_url",
    "export",
    "list_metrics",
    "list_questions",
    "list_schemas",
    "list_segments",
    "list_tables",
    "open_snapshot",
    "plan_metrics",
    "plan_segments",
    "read_embedded",
    "read_question",
    "read_sql",
    "read_table",
    "snapshot",
    "undo_plan",
    "update_metric",
    "update_segment",
]
