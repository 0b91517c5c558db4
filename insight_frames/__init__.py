"""OpenClinica Insight (Metabase over PostgreSQL) as exact pandas DataFrames and Parquet snapshots.

Names are handed on when they are first used, so that importing the package, or asking its command for help, does not
load pandas.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.freezing import diff, open_snapshot, snapshot
    from .api.instance import doctor, export
    from .api.metrics import archive_metric, create_metric, list_metrics, update_metric
    from .api.opening import connect
    from .api.plans import apply_plan, plan_metrics, plan_segments, undo_plan
    from .api.questions import embed_url, list_questions, read_embedded, read_question
    from .api.segments import archive_segment, create_segment, list_segments, update_segment
    from .api.tables import describe_table, list_schemas, list_tables, read_sql, read_table
    from .clinical.convert import Converted, to_numbers
    from .clinical.facts import labels
    from .clinical.multiple import indicators
    from .clinical.partial import to_dates
    from .clinical.reports import ColumnReport
    from .connection import Connection
    from .direct_connection import PostgresConnection
    from .errors import (
        ColumnNotFound,
        DatabaseNotFound,
        DataConflict,
        DataWarning,
        FileError,
        IncompleteResult,
        InconsistentSnapshot,
        InsightError,
        InvalidInput,
        LoginError,
        LoginRefused,
        LoginThrottled,
        NotFound,
        ParameterError,
        ParticipantNotFound,
        PermissionDenied,
        QueryFailed,
        QuestionNotFound,
        SchemaNotFound,
        ServerUnavailable,
        SessionExpired,
        SnapshotError,
        TableNotFound,
        UnsupportedServer,
        ValueOutOfRange,
    )
    from .question import KEY
    from .review.attaching import attach
    from .review.cuts import cut, cut_rules
    from .review.lists import choice_lists
    from .review.participants import participants
    from .review.report import column_report
    from .sinks.files.frames import to_csv, to_dataset_json, to_excel
    from .sinks.files.stats import to_spss, to_stata, to_xpt
    from .snapshots import Diff, Snapshot

__all__ = [
    "KEY",
    "ColumnNotFound",
    "ColumnReport",
    "Connection",
    "Converted",
    "DataConflict",
    "DataWarning",
    "DatabaseNotFound",
    "Diff",
    "FileError",
    "IncompleteResult",
    "InconsistentSnapshot",
    "InsightError",
    "InvalidInput",
    "LoginError",
    "LoginRefused",
    "LoginThrottled",
    "NotFound",
    "ParameterError",
    "ParticipantNotFound",
    "PermissionDenied",
    "PostgresConnection",
    "QueryFailed",
    "QuestionNotFound",
    "SchemaNotFound",
    "ServerUnavailable",
    "SessionExpired",
    "Snapshot",
    "SnapshotError",
    "TableNotFound",
    "UnsupportedServer",
    "ValueOutOfRange",
    "apply_plan",
    "archive_metric",
    "archive_segment",
    "attach",
    "choice_lists",
    "column_report",
    "connect",
    "create_metric",
    "create_segment",
    "cut",
    "cut_rules",
    "describe_table",
    "diff",
    "doctor",
    "embed_url",
    "export",
    "indicators",
    "labels",
    "list_metrics",
    "list_questions",
    "list_schemas",
    "list_segments",
    "list_tables",
    "open_snapshot",
    "participants",
    "plan_metrics",
    "plan_segments",
    "read_embedded",
    "read_question",
    "read_sql",
    "read_table",
    "snapshot",
    "to_csv",
    "to_dataset_json",
    "to_dates",
    "to_excel",
    "to_numbers",
    "to_spss",
    "to_stata",
    "to_xpt",
    "undo_plan",
    "update_metric",
    "update_segment",
]

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless the program sets logging up

_HOMES = {
    "KEY": "question",
    "Connection": "connection",
    "PostgresConnection": "direct_connection",
    "ColumnReport": "clinical.reports",
    "Converted": "clinical.convert",
    "attach": "review.attaching",
    "choice_lists": "review.lists",
    "column_report": "review.report",
    **dict.fromkeys(("cut", "cut_rules"), "review.cuts"),
    "Diff": "snapshots",
    "Snapshot": "snapshots",
    "indicators": "clinical.multiple",
    "labels": "clinical.facts",
    "participants": "review.participants",
    "to_dates": "clinical.partial",
    "to_numbers": "clinical.convert",
    **dict.fromkeys(("to_csv", "to_dataset_json", "to_excel"), "sinks.files.frames"),
    **dict.fromkeys(("to_spss", "to_stata", "to_xpt"), "sinks.files.stats"),
    "connect": "api.opening",
    **dict.fromkeys(("diff", "open_snapshot", "snapshot"), "api.freezing"),
    **dict.fromkeys(("doctor", "export"), "api.instance"),
    **dict.fromkeys(("archive_metric", "create_metric", "list_metrics", "update_metric"), "api.metrics"),
    **dict.fromkeys(("apply_plan", "plan_metrics", "plan_segments", "undo_plan"), "api.plans"),
    **dict.fromkeys(("embed_url", "list_questions", "read_embedded", "read_question"), "api.questions"),
    **dict.fromkeys(("archive_segment", "create_segment", "list_segments", "update_segment"), "api.segments"),
    **dict.fromkeys(("describe_table", "list_schemas", "list_tables", "read_sql", "read_table"), "api.tables"),
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module; ``snapshot`` is the function, its folder is a package beside it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
