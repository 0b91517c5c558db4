"""Every PostgreSQL type with ordinary and extreme values as SQL literals, and the dtypes its column must get."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One type: values, and dtypes by default (whole / with NULL), in "numpy_nullable" and in "pyarrow"."""

    type: str
    ordinary: tuple[str, ...]
    extreme: tuple[str, ...]
    whole: str
    missing: str
    nullable: str
    arrow: str

    def __str__(self) -> str:
        return self.type


def _case(type_: str, ordinary: list[str], extreme: list[str], *dtypes: str) -> Case:
    """Quote the values; one dtype stands for all four, two for the default and the two back ends."""
    if len(dtypes) == 3:
        dtypes = (dtypes[0], *dtypes)
    whole, missing, nullable, arrow = dtypes
    return Case(type_, tuple(map(_quote, ordinary)), tuple(map(_quote, extreme)), whole, missing, nullable, arrow)


def _quote(value: str) -> str:
    if "\\" in value:
        return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + value.replace("'", "''") + "'"


def _text(type_: str, ordinary: list[str], extreme: list[str]) -> Case:
    return _case(type_, ordinary, extreme, "str", "string", "string[pyarrow]")


def _list(element: str, arrow: str, ordinary: list[str], extreme: list[str]) -> Case:
    return _case(f"{element}[]", ordinary, extreme, "object", "object", f"list<item: {arrow}>[pyarrow]")


_INT = ("int64", "float64", "Int64")
_FLOAT = ("float64", "Float64", "double[pyarrow]")
_MOMENT = ("datetime64[us]", "datetime64[us]")
_WILD = [
    "",
    " ",
    "NULL",
    "NA",
    "nan",
    "\\N",
    "a\"b'c",
    "a,b\nc\r\nd\te",
    "\\",
    '\\"',
    '""',
    "é😀\u2028",
    "(0,)",
    "x" * 5000,
]

CASES = (
    _case("int2", ["1", "-2"], ["32767", "-32768", "0"], *_INT, "int16[pyarrow]"),
    _case("int4", ["1", "-2"], ["2147483647", "-2147483648"], *_INT, "int32[pyarrow]"),
    _case("int8", ["1", "-2"], ["9007199254740992", "-9007199254740992"], *_INT, "int64[pyarrow]"),
    _case("oid", ["1"], ["4294967295", "0"], *_INT, "int64[pyarrow]"),
    _case(
        "numeric", ["1.50", "-2"], ["NaN", "Infinity", "-Infinity", "1e300", "-1e-320", "0.1" + "0" * 90 + "1"], *_FLOAT
    ),
    _case("numeric(10,2)", ["1.5", "-2"], ["99999999.99", "-0.01", "NaN"], *_FLOAT),
    _case("numeric(38,10)", ["1.5", "0"], ["9" * 28 + ".0123456789", "1e-10", "NaN"], *_FLOAT),
    _case("numeric(60,4)", ["1.5"], ["9" * 56 + ".9999", "9007199254740993"], *_FLOAT),
    _case("numeric(80,4)", ["1.5"], ["9" * 76 + ".9999"], *_FLOAT),
    _case("numeric(3,-2)", ["1200"], ["99900", "-100"], *_FLOAT),
    _case("numeric(2,5)", ["0.00012"], ["0.00099", "-0.00001"], *_FLOAT),
    _case("dose", ["1.5"], ["9999.99", "NaN"], *_FLOAT),
    _case(
        "float4",
        ["1.5", "0.1"],
        ["NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45", "-0", "16777216"],
        "float64",
        "Float64",
        "float[pyarrow]",
    ),
    _case(
        "float8",
        ["1.5", "0.1"],
        ["NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324", "-0", "0.30000000000000004"],
        *_FLOAT,
    ),
    _case("bool", ["true"], ["false", "true"], "bool", "object", "boolean", "bool[pyarrow]"),
    _text("text", ["word", "007"], _WILD),
    _text("varchar(20)", ["word", "1.0"], ["", "NA", "\\", "\u00e9" * 20]),
    _text("char(5)", ["ab"], ["", "abcde", " b"]),
    _text("name", ["word"], ["x" * 63, ""]),
    _text('"char"', ["a"], ["", "\\351", "\\\\"]),
    _text("site", ["001"], ["", "NA"]),
    _text("uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], ["0" * 32, "f" * 32]),
    _text("json", ['{"a" : 1, "a":2}', "[1, 2]"], ["null", '"\\u00e9\\n"', "1e400", ' {"a":\n[]} ']),
    _text("jsonb", ['{"b": 1, "a": [true, null]}'], ["null", '"\\u00e9\\n\\\\"', "1e400", "{}"]),
    _text("jsonpath", ["$.a[*]"], ['$."a b" ? (@ > 1)']),
    _text("inet", ["10.0.0.1", "10.0.0.1/8"], ["::1", "2001:db8::ff/128", "255.255.255.255/0"]),
    _text("cidr", ["10.0.0.0/8"], ["::/0", "1.2.3.4/32"]),
    _text("macaddr", ["08:00:2b:01:02:03"], ["ff:ff:ff:ff:ff:ff"]),
    _text("macaddr8", ["08:00:2b:01:02:03:04:05"], ["ff:ff:ff:ff:ff:ff:ff:ff"]),
    _text("bit(3)", ["101"], ["000"]),
    _text("varbit", ["101"], ["", "1" * 100]),
    _text("timetz", ["12:00:00+02"], ["24:00:00-15:59", "00:00:00.000001+15:59:59"]),
    _text("tsvector", ["a fat cat"], ["'it''s':1A,2B 'x y'", ""]),
    _text("tsquery", ["fat & (rat | cat)"], ["!'it''s':*A", ""]),
    _text("point", ["(1,2)"], ["(0.1,-1e300)", "(NaN,Infinity)"]),
    _text("line", ["{1,2,3}"], ["{-1,0,1e-5}"]),
    _text("lseg", ["[(1,2),(3,4)]"], ["[(0,0),(0,0)]"]),
    _text("box", ["(3,4),(1,2)"], ["(0,0),(0,0)"]),
    _text("path", ["((1,2),(3,4))"], ["[(0,0)]"]),
    _text("polygon", ["((1,2),(3,4),(5,6))"], ["((0,0))"]),
    _text("circle", ["<(1,2),3>"], ["<(0,0),0>"]),
    _text("pg_lsn", ["16/B374D848"], ["0/0", "FFFFFFFF/FFFFFFFF"]),
    _text("xid", ["7"], ["4294967295"]),
    _text("xid8", ["7"], ["18446744073709551615"]),
    _text("tid", ["(1,2)"], ["(4294967295,65535)"]),
    _text("int4range", ["[1,5)"], ["empty", "(,)", "[1,)"]),
    _text("int8range", ["[1,5)"], ["(,9223372036854775807)"]),
    _text("numrange", ["[1.50,5]"], ["(-Infinity,NaN]", "empty"]),
    _text("daterange", ["[2020-01-01,2020-02-01)"], ["empty", "(,)", "[-infinity,infinity)", "(,0044-03-16 BC)"]),
    _text(
        "tsrange",
        ["[2020-01-01 10:00,2020-02-01)"],
        ["empty", "(,)", "[0044-03-15 BC,infinity]", "(10000-01-01 00:00:00.5,)"],
    ),
    _text(
        "tstzrange", ["[2020-01-01 10:00+01,2020-02-01 00:00+00]"], ["empty", "[,]", "(-infinity,1850-01-01 00:00+00)"]
    ),
    _text("int4multirange", ["{[1,3),[5,9)}"], ["{}"]),
    _text("datemultirange", ["{[2020-01-01,2020-02-01),[2021-01-01,)}"], ["{}", "{(,)}"]),
    _text("tsmultirange", ["{[2020-01-01 10:00,2020-02-01)}"], ["{}", "{(,2020-01-01),(2021-01-01,infinity)}"]),
    _text("tstzmultirange", ["{[2020-01-01 10:00+00,2020-02-01 00:00+00)}"], ["{}"]),
    _text("pair", ['(1,"a ""b"" \\\\ c")'], ["(,)", '(,"")']),
    _case("colour", ["red", "blue"], ["NULL", 'a "b", c'], "category", "category", "category"),
    _case("choice", ["green"], ["NULL"], "category", "category", "category"),
    _case("date", ["2020-02-29"], ["0001-01-01", "0202-05-03", "9999-12-31"], *_MOMENT, "date32[day][pyarrow]"),
    _case(
        "timestamp",
        ["2020-02-29 12:00:00.5"],
        ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"],
        *_MOMENT,
        "timestamp[us][pyarrow]",
    ),
    _case("timestamp(0)", ["2020-02-29 12:00:00.5"], ["1969-12-31 23:59:59"], *_MOMENT, "timestamp[us][pyarrow]"),
    _case(
        "timestamptz",
        ["2020-02-29 12:00:00.5+02"],
        ["0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00"],
        "datetime64[us, UTC]",
        "datetime64[us, UTC]",
        "timestamp[us, tz=UTC][pyarrow]",
    ),
    _case(
        "time", ["12:30:00", "01:02:03.4"], ["00:00:00", "23:59:59.999999"], "object", "object", "time64[us][pyarrow]"
    ),
    _case(
        "interval",
        ["1 day 02:03:04.5", "-1 day +01:00"],
        ["00:00", "99999999 days", "-99999999 days -0.000001 s"],
        "timedelta64[us]",
        "string",
        "string[pyarrow]",
    ),
    _text("interval year to month", ["1 year 2 mons"], ["-178956970 years -8 mons", "-1 mons"]),
    _case("bytea", ["\\x00ff5c"], ["\\x", "\\x" + "00" * 3000], "object", "object", "binary[pyarrow]"),
    _list("int4", "int32", ["{1,2}", "{1,NULL}"], ["{}", "{2147483647}"]),
    _list("int8", "int64", ["{1,2}"], ["{9223372036854775807,-9223372036854775808}"]),
    _list("text", "string", ["{a,b}"], ["{}", '{NULL,"NULL","null",""," ","a,b","{}","\\\\","\\"","é\n"}']),
    _list("varchar(3)", "string", ["{a,b}"], ['{""}']),
    _list("char(3)", "string", ["{a,b}"], ['{""}']),
    _list("bool", "bool", ["{t,f,NULL}"], ["{}"]),
    _list("float4", "float", ["{0.1,1.5}"], ["{NaN,-Infinity,1e-45}"]),
    _list("float8", "double", ["{0.1,1.5}"], ["{NaN,-Infinity,5e-324}"]),
    _list("numeric", "double", ["{0.1,1.50,NULL}"], ["{NaN,1e300}"]),
    _list("numeric(60,4)", "double", ["{0.1,1.50}"], ["{" + "9" * 56 + ".9999}"]),
    _list("date", "date32[day]", ["{2020-02-29,NULL}"], ["{0001-01-01,9999-12-31}", "{}"]),
    _list("timestamp", "timestamp[us]", ["{2020-02-29 12:00}"], ["{9999-12-31 23:59:59.999999}"]),
    _list("timestamptz", "timestamp[us, tz=UTC]", ["{2020-02-29 12:00+02}"], ["{NULL,0001-01-01 00:00:00+00}"]),
    _list("time", "time64[us]", ["{12:00}"], ["{23:59:59.999999,00:00}"]),
    _list("timetz", "string", ["{12:00+02}"], ["{24:00-15:59}"]),
    _list("interval", "string", ["{1 day,2 mons}"], ["{-1 mons +2 days -00:00:00.5}"]),
    _list("bytea", "binary", ['{"\\\\x00ff"}'], ['{"\\\\x",NULL}']),
    _list("uuid", "string", ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"], ["{NULL}"]),
    _list("jsonb", "string", ['{"{\\"a\\": 1}"}'], ["{null}", "{NULL}"]),
    _list("inet", "string", ["{10.0.0.1}"], ["{::1,10.0.0.0/8}"]),
    _list("colour", "string", ["{red,NULL}"], ['{"NULL","a \\"b\\", c"}']),
    _text("pair[]", ['{"(1,a)"}'], ["{}", '{NULL,"(,)"}']),
    _text("box[]", ["{(3,4),(1,2);(0,0),(0,0)}"], ["{}"]),
    _text("int4range[]", ['{"[1,5)"}'], ["{empty,NULL}"]),
)
