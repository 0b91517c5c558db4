"""What notebooks show of snapshots and connections: names and numbers, escaped, and nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from standin import Given, Source, study

from insight_frames import Connection
from insight_frames.snapshots import take
from insight_frames.snapshots.card import MOST


class Balanced(HTMLParser):
    """Fails on a tag that is not closed; gathers the cells."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def parsed(html: str) -> Balanced:
    found = Balanced()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


def test_a_table_of_tables(tmp_path: Path) -> None:
    odd = Given("s_juno", "<script>&\"'", {"n": ("integer", [1]), "secret": ("text", ["Jane"])})
    source = Source([*study(), odd])
    cut = take(source, source.tables, tmp_path / "a<b>")
    html = cut._repr_html_()
    cells = parsed(html).cells
    assert cells[:5] == ["schema", "table", "rows", "columns", "size"]
    assert cells[5:9] == ["s_juno", "site", "3", "3"]
    assert cells[-5:-1] == ["s_juno", "<script>&\"'", "1", "2"]
    assert "<script>" not in html
    assert "<b>" not in html
    assert "Jane" not in html
    assert cut.fingerprint in html


def test_a_card_stays_short(tmp_path: Path) -> None:
    source = Source([Given("s", f"t{number:03}", {"n": ("integer", [number])}) for number in range(MOST + 3)])
    cells = parsed(take(source, source.tables, tmp_path / "cut")._repr_html_()).cells
    assert cells[-1] == "and 3 more: list_tables()"
    assert len(cells) == 5 * (MOST + 1) + 1


def test_a_connection_shows_no_secret() -> None:
    made = Connection("https://acme.example.com", username="<me>@example.com", password="not-a-password")
    assert made._repr_html_() == "<code>&lt;Connection to https://acme.example.com as &lt;me&gt;@example.com&gt;</code>"
