"""What a connection can say about single tables in Metabase: its own exports, segments, metrics, plans of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import metabase

if TYPE_CHECKING:
    import pandas as pd

    from ..sources.either import EitherSource
    from ..wire.server import Server
    from ..wire.tables import NumberedTable
    from .definitions import Definitions, Kind
    from .exports import Exported, Format


class TableWords:
    """Words about tables that only a Metabase server understands."""

    _server: Server
    _source: EitherSource

    def export(
        self,
        question: Exported,
        path: str | os.PathLike[str],
        *,
        format: Format | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Path:
        """Save the server's own export of a question as a file; see :func:`insight_frames.export`."""
        return metabase.exports.export(self._source, question, path, format=format, params=params)

    # ------------------------------------------------------------------ segments
    def list_segments(self) -> pd.DataFrame:
        """List the segments of the database; see :func:`insight_frames.list_segments`."""
        return metabase.listings.frame(self._definitions("segment").listed(), self._source.numbered)

    def create_segment(
        self,
        schema: str,
        table: str,
        name: str,
        where: str,
        *,
        params: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> int:
        """Keep a condition on a table under a name; see :func:`insight_frames.create_segment`."""
        numbered = self._source.numbered.tables.find(schema, table)
        definition = metabase.meanings.segment(numbered, self._server.era, where, params)
        return self._definitions("segment").create(
            metabase.definitions.check_name(name), numbered.id, definition, description
        )

    def update_segment(
        self,
        segment: int,
        *,
        name: str | None = None,
        where: str | None = None,
        params: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> None:
        """Change a segment's name, condition or description; see :func:`insight_frames.update_segment`."""
        kept = self._definitions("segment")
        had = kept.one(segment)
        changes: dict[str, Any] = metabase.listings.changes(name, description)
        if where is not None:
            numbered = self._source.numbered.tables.numbered(had["table_id"])
            changes["definition"] = metabase.meanings.segment(numbered, self._server.era, where, params)
        kept.change(segment, had, metabase.listings.why(changes), **changes)

    def archive_segment(self, segment: int) -> None:
        """Take a segment out of use; see :func:`insight_frames.archive_segment`."""
        kept = self._definitions("segment")
        kept.one(segment)
        kept.archive(segment, metabase.listings.ARCHIVED)

    # ------------------------------------------------------------------ metrics
    def list_metrics(self) -> pd.DataFrame:
        """List the metrics of the database; see :func:`insight_frames.list_metrics`."""
        return metabase.listings.frame(self._definitions("metric").listed(), self._source.numbered)

    def create_metric(
        self,
        schema: str,
        table: str,
        name: str,
        *,
        aggregate: str = "count",
        column: str | None = None,
        where: str | None = None,
        params: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> int:
        """Keep a number of a table's rows under a name; see :func:`insight_frames.create_metric`."""
        self._definitions("metric").check()
        numbered = self._source.numbered.tables.find(schema, table)
        definition = metabase.meanings.metric(numbered, self._server.era, aggregate, column, where, params)
        return self._create("metric", name, numbered, definition, description)

    def update_metric(self, metric: int, *, name: str | None = None, description: str | None = None) -> None:
        """Change a metric's name or description; see :func:`insight_frames.update_metric`."""
        kept = self._definitions("metric")
        had, changes = kept.one(metric), metabase.listings.changes(name, description)
        kept.change(metric, had, metabase.listings.why(changes), **changes)

    def archive_metric(self, metric: int) -> None:
        """Take a metric out of use; see :func:`insight_frames.archive_metric`."""
        kept = self._definitions("metric")
        kept.one(metric)
        kept.archive(metric, metabase.listings.ARCHIVED)

    # ------------------------------------------------------------------ many tables
    def plan_segments(
        self,
        name: str,
        where: str,
        *,
        schemas: str | Sequence[str],
        tables: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> pd.DataFrame:
        """Plan one segment for every table that has its columns; see :func:`insight_frames.plan_segments`."""
        define = partial(metabase.meanings.segment, era=self._server.era, where=where, params=params)
        kept, source = self._definitions("segment"), self._source.numbered
        return metabase.plans.plan(kept, source, name, define, schemas, tables, description)

    def plan_metrics(
        self,
        name: str,
        *,
        schemas: str | Sequence[str],
        aggregate: str = "count",
        column: str | None = None,
        where: str | None = None,
        tables: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> pd.DataFrame:
        """Plan one metric for every table that has its columns; see :func:`insight_frames.plan_metrics`."""
        kept, source = self._definitions("metric"), self._source.numbered
        kept.check()
        metabase.meanings.check_aggregate(aggregate, column)
        era = self._server.era

        def define(numbered: NumberedTable) -> dict[str, Any]:
            return metabase.meanings.metric(numbered, era, aggregate, column, where, params)

        return metabase.plans.plan(kept, source, name, define, schemas, tables, description)

    def apply_plan(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Create and change what a plan says; see :func:`insight_frames.apply_plan`."""
        return metabase.plans.apply(self._definitions(metabase.plans.kind_of(plan)), plan)

    def undo_plan(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Take back what a plan has done; see :func:`insight_frames.undo_plan`."""
        return metabase.plans.undo(self._definitions(metabase.plans.kind_of(plan)), plan)

    def _create(
        self, kind: Kind, name: str, numbered: NumberedTable, definition: dict[str, Any], description: str | None
    ) -> int:
        checked = metabase.definitions.check_name(name)
        return self._definitions(kind).create(checked, numbered.id, definition, description)

    def _definitions(self, kind: Kind) -> Definitions:
        return metabase.definitions.Definitions(self._server, kind)
