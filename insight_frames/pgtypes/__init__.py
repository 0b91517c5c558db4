"""ONE table: PostgreSQL type <-> Arrow <-> pandas; nothing else in the package decides a type.

``kinds`` reads the catalogue's words, ``table`` decides how a type is asked for and carried, ``fields`` writes that
into Arrow fields, ``frames`` makes pandas columns; the other modules know one family of values each.
"""

from __future__ import annotations

from .fields import field, from_field, is_not_null, type_of
from .kinds import BadValue, PgType, pg_type
from .table import Reading, reading

__all__ = ["BadValue", "PgType", "Reading", "field", "from_field", "is_not_null", "pg_type", "reading", "type_of"]
