"""ONE table: PostgreSQL type <-> Arrow <-> pandas; nothing else in the package decides a type.

``kinds`` reads the catalogue's words, ``table`` decides how a type is asked for and carried, ``fields`` writes that
into Arrow fields, ``frames`` makes pandas columns; the other modules know one family of values each.
``dtype_backend="pyarrow"`` keeps the Arrow types, but for enums (category); numeric follows ``coerce_float``.

============================  ============================  =======================================================
PostgreSQL                    Arrow                         pandas by default (in "numpy_nullable")
============================  ============================  =======================================================
int2, int4, int8, oid         int16, int32, int64, int64    int64; NULL: float64 up to 2**53, else Int64 (Int64)
numeric, money                float64; exact: decimal(p,s)  float64 (Float64); ``coerce_float=False``: Decimal
                              or, where none fits, string
float4, float8                float32, float64              float64 (Float64)
bool                          bool                          bool; NULL: object with None (boolean)
text and its kin, uuid, inet  string                        str, before pandas 3 object (string)
json, jsonb, xml, bit, ...    string                        str (string)
enum                          dictionary, ordered           ordered category with all labels, whatever the back end
date                          date32                        datetime64[us]
timestamp, timestamptz        timestamp[us], with UTC       datetime64[us], datetime64[us, UTC]
time                          time64[us]                    object: datetime.time
timetz                        string                        str (string)
interval                      string, default style         timedelta64[us] if no value has months, else str (string)
bytea                         binary                        object: bytes
arrays of the above           list                          object: list with None (enums, intervals as text)
ranges, composites, geometry  string                        str (string)
reg*                          string, name with schema      str (string)
anything else                 string                        str (string)
============================  ============================  =======================================================
"""

from __future__ import annotations

from .fields import field, from_field, is_not_null, type_of
from .kinds import BadValue, PgType, pg_type
from .table import Reading, reading

__all__ = ["BadValue", "PgType", "Reading", "field", "from_field", "is_not_null", "pg_type", "reading", "type_of"]
