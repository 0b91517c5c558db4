"""A snapshot as a notebook shows it: a table of its tables, with names and numbers and never a value of a row."""

from __future__ import annotations

from html import escape
from pathlib import Path

from .. import manifest as inventory

MOST = 100  # tables in one card


def card(path: Path, manifest: inventory.Manifest) -> str:
    """Write the HTML.

    Examples
    --------
    >>> source = {"schema": "s", "table": "<t>", "rows": 1200, "columns": [{}, {}]}
    >>> facts = {"taken": "2026-11-24T01:02:03Z", "consistency": "one-statement", "fingerprint": "ab" * 32}
    >>> html = card(Path("cut"), {"insight": facts, "resources": [{"bytes": 2048, "insight": source}]})
    >>> "<td>&lt;t&gt;</td>" in html, "1,200" in html
    (True, True)
    """
    summary, resources = manifest["insight"], manifest["resources"]
    rows = sum(one["insight"]["rows"] for one in resources)
    total = sum(one["bytes"] for one in resources)
    facts = (
        f"Snapshot {path}: {len(resources):,} tables, {rows:,} rows, {_size(total)}, taken {summary['taken']}"
        f" ({summary['consistency']}), fingerprint {summary['fingerprint'][:16]}"
    )
    lines = [_line(one) for one in resources[:MOST]]
    if len(resources) > MOST:
        lines.append(f'<tr><td colspan="5">and {len(resources) - MOST:,} more: list_tables()</td></tr>')
    heads = "".join(f"<th>{one}</th>" for one in ("schema", "table", "rows", "columns", "size"))
    return f"<p>{escape(facts)}</p><table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _line(resource: dict[str, object]) -> str:
    table = resource["insight"]
    assert isinstance(table, dict)
    cells = [escape(str(table["schema"])), escape(str(table["table"]))]
    numbers = [f"{table['rows']:,}", f"{len(table['columns'])}", _size(resource["bytes"])]
    right = "".join(f'<td style="text-align: right">{one}</td>' for one in numbers)
    return f"<tr>{''.join(f'<td>{one}</td>' for one in cells)}{right}</tr>"


def _size(count: object) -> str:
    """Write a number of bytes for a person.

    >>> _size(999), _size(12_345_678)
    ('999 B', '12.3 MB')
    """
    number = float(str(count))
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"
