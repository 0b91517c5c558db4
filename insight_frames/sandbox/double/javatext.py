"""How Java writes numbers and times as text, since every Metabase value passes through a Java object.

PostgreSQL's shortest float text holds the digits; only the notation is Java's (``1.0E10``, ``4.9E-324``). Old eras keep
milliseconds and read days before 1582-10-15 in the Julian calendar, as ``java.util.Date`` does.
"""

from __future__ import annotations

import re
import struct
import zlib
from decimal import ROUND_HALF_UP, Context, Decimal

SPECIAL = {"NaN", "Infinity", "-Infinity"}
INFINITE = {"infinity", "-infinity"}
MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip


def identity(name: str, of: str) -> str:
    """An object that has no text of its own: its class and an address."""
    return f"{name}@{zlib.crc32(of.encode('utf-8')) | 0x10000000:x}"


def decimal(text: str) -> str:
    """A ``numeric`` as BigDecimal.toString."""
    if text.startswith(("0.000000", "-0.000000")):
        return str(Decimal(text))
    return text


def _java_float(text: str, exact: float) -> str:
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        return text
    shown = "".join(map(str, digits)).rstrip("0")
    minus = "-" if sign else ""
    if not shown:
        return f"{minus}0.0"
    point = len(digits) + exponent  # value = 0.shown * 10**point
    if -3 < point <= 7:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{shown}"
        whole, fraction = shown[:point].ljust(point, "0"), shown[point:]
        return f"{minus}{whole}.{fraction or '0'}"
    if len(shown) == 1:  # Java shows at least two digits, the nearest such number
        mantissa = f"{abs(exact):.1e}"
        if float(mantissa) == abs(exact):
            shown, power = mantissa.split("e")
            return f"{minus}{shown}E{int(power)}"
    return f"{minus}{shown[0]}.{shown[1:] or '0'}E{point - 1}"


def float8(text: str) -> str:
    """A ``double precision`` as Double.toString."""
    return text if text in SPECIAL else _java_float(text, float(text))


def float4(text: str) -> str:
    """A ``real`` as Float.toString."""
    if text in SPECIAL:
        return text
    return _java_float(text, as_float4(text))


def as_float4(text: str) -> float:
    """The exact value of a ``real``."""
    return float(struct.unpack("f", struct.pack("f", float(text)))[0])


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|-?Infinity")


def geometry(text: str) -> str:
    """A geometric value as the driver writes it: every coordinate a double."""
    return _NUMBER.sub(lambda match: float8(match.group()), text)


def money(text: str) -> str:
    """``$1,234.56`` as a plain number."""
    return re.sub(r"[^\d.\-]", "", text.replace("(", "-"))


_INTERVAL = re.compile(
    r"(?P<count>-?\d+) (?P<unit>year|mon|day)s?|(?P<sign>-?)(?P<h>\d+):(?P<m>\d+):(?P<s>\d+(?:\.\d+)?)"
)


def _interval(text: str) -> tuple[str, Decimal]:
    """An interval in the driver's words up to the seconds, and the seconds."""
    parts = {"year": 0, "mon": 0, "day": 0}
    hours = minutes = 0
    seconds = Decimal(0)
    for match in _INTERVAL.finditer(text):
        if match["unit"]:
            parts[match["unit"]] = int(match["count"])
        else:
            sign = -1 if match["sign"] else 1
            hours, minutes, seconds = (
                sign * int(match["h"]),
                sign * int(match["m"]),
                Decimal(match["sign"] + match["s"]),
            )
    return f"{parts['year']} years {parts['mon']} mons {parts['day']} days {hours} hours {minutes} mins", seconds


def interval(text: str) -> str:
    """An interval in the driver's own words."""
    words, seconds = _interval(text)
    shown = f"{seconds:f}".rstrip("0").rstrip(".") if "." in f"{seconds:f}" else f"{int(seconds)}"
    return f"{words} {shown if '.' in shown else f'{shown}.0'} secs"


def interval_old(text: str) -> str:
    """The same by drivers before 42.2.9: two decimals at least, and a sign on the zero seconds of a negative time."""
    words, seconds = _interval(text)
    whole, _, fraction = f"{seconds.copy_abs():f}".partition(".")
    sign = "-" if seconds.is_signed() else ""
    return f"{words} {sign}{int(whole)}.{fraction.rstrip('0').ljust(2, '0')} secs"


def iso_year(year: int) -> str:
    """A year as ISO 8601 in Java: more than four digits carry a sign."""
    if year > 9999:
        return f"+{year}"
    return f"{year:04d}" if year >= 0 else f"-{-year:04d}"


def era_year(year: int) -> str:
    """A year of its era (before Christ counts up again)."""
    shown = year if year > 0 else 1 - year
    return f"+{shown}" if shown > 9999 else f"{shown:04d}"


def split_date(text: str) -> tuple[int, str]:
    """PostgreSQL's ISO date as astronomical year and ``MM-DD``."""
    before = text.endswith(" BC")
    year, month, day = text.removesuffix(" BC").split(" ")[0].rsplit("-", 2)
    return (1 - int(year) if before else int(year)), f"{month}-{day}"


def _julian_day(year: int, month: int, day: int) -> int:
    """Day number of a date in the Julian calendar."""
    shift = (14 - month) // 12
    y, m = year + 4800 - shift, month + 12 * shift - 3
    return day + (153 * m + 2) // 5 + 365 * y + y // 4 - 32083


def _gregorian(day_number: int) -> tuple[int, int, int]:
    a = day_number + 32044
    b = (4 * a + 3) // 146097
    c = a - 146097 * b // 4
    d = (4 * c + 3) // 1461
    e = c - 1461 * d // 4
    m = (5 * e + 2) // 153
    return 100 * b + d - 4800 + m // 10, m + 3 - 12 * (m // 10), e - (153 * m + 2) // 5 + 1


def joda_date(text: str) -> str:
    """A date as the eldest eras tell it: old days moved by the change of calendars, years without a plus sign."""
    if text in INFINITE:
        return text
    year, rest = split_date(text)
    if (year, rest) < (1582, "10-15"):
        month, day = map(int, rest.split("-"))
        year, month, day = _gregorian(_julian_day(year, month, day))
        rest = f"{month:02d}-{day:02d}"
    return f"{year:04d}-{rest}" if year >= 0 else f"-{-year:04d}-{rest}"


def _places(plain: str, exact: Decimal) -> int:
    """Decimals that the formatter for people keeps of a number written out in full.

    It takes the second run of digits for the decimals, which for a negative number are those before the point, and
    counts every negative number among those below one: -0.57 becomes -0.6, -165.374 becomes -165.37.
    """
    groups = re.split(r"\D", plain)
    places = len(groups[1]) if len(groups) > 1 else 0
    if exact >= 1:
        return min(2, places)
    figures = len(next((run for run in reversed(re.split(r"[.0]+", plain)) if run), ""))
    return max(2, places - (figures - 2)) if figures > 2 else places


def _stripped(plain: str) -> str:
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def people_number(text: str, kind: str, key: bool = False) -> str:
    """A number as exports show it to people: thousands separated (but not of a key), few decimals."""
    if text in SPECIAL:
        return text.replace("Infinity", "∞")
    if kind == "int":
        return text if key else f"{int(text):,}"
    if kind == "numeric":
        exact = Decimal(text)
        plain = f"{exact:f}"
    else:
        binary = as_float4(text) if kind == "float4" else float(text)
        exact = Decimal(binary)
        shortest = Decimal(repr(binary))
        places = Decimal(1).scaleb(-20)
        plain = f"{shortest.quantize(places, ROUND_HALF_UP):f}" if abs(shortest) < 1 else f"{shortest:f}"
        if abs(shortest) >= 2**53:
            exact = shortest
    keep = 0 if exact == 0 else _places(_stripped(plain), exact)
    digits = len(exact.as_tuple().digits) + 350
    rounded = exact.quantize(Decimal(1).scaleb(-keep), ROUND_HALF_UP, context=Context(prec=digits))
    return _stripped(f"{rounded:,f}")


def people_date(text: str) -> str:
    """``January 31, 2020``."""
    if text in INFINITE:
        return "December 31, +999999999" if text == "infinity" else "January 1, +1000000000"
    year, rest = split_date(text)
    month, day = map(int, rest.split("-"))
    return f"{MONTHS[month - 1]} {day}, {era_year(year)}"


def people_time(text: str) -> str:
    """``8:30 AM``; 24:00 is the last moment of the day."""
    hour, minute = int(text[:2]), text[3:5]
    if hour == 24:
        hour, minute = 23, "59"
    return f"{hour % 12 or 12}:{minute} {'AM' if hour < 12 else 'PM'}"


def people_timestamp(text: str) -> str:
    """``January 31, 2020, 8:30 AM``."""
    if text in INFINITE:
        return f"{people_date(text)}, {'11:59 PM' if text == 'infinity' else '12:00 AM'}"
    return f"{people_date(text)}, {people_time(clock(text))}"


def clock(text: str) -> str:
    """The time of day of a timestamp's text, without zone."""
    return re.split(r"[+-]", text.removesuffix(" BC").rsplit(" ", 1)[1])[0]


_ZONE = re.compile(r"([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$")


def split_zone(text: str) -> tuple[str, int]:
    """A ``timetz`` as time of day and offset in seconds."""
    match = _ZONE.search(text)
    if match is None:
        return text, 0
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60 + int(match[4] or 0)
    return text[: match.start()], -seconds if match[1] == "-" else seconds


def utc_time(text: str) -> str:
    """A ``timetz`` moved to UTC, without zone."""
    time, offset = split_zone(text)
    if time.startswith("24:"):
        return "23:59:59.999999999"
    whole, _, fraction = time.partition(".")
    hour, minute, second = map(int, whole.split(":"))
    moved = (hour * 3600 + minute * 60 + second - offset) % 86400
    shown = f"{moved // 3600:02d}:{moved // 60 % 60:02d}:{moved % 60:02d}"
    return f"{shown}.{fraction}" if fraction else shown


def millis(time: str) -> str:
    """A time of day with exactly three decimals, the rest cut."""
    whole, _, fraction = time.partition(".")
    return f"{whole}.{fraction[:3].ljust(3, '0')}"
