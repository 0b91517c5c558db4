"""The script reader: what psql would send, statement by statement."""

from __future__ import annotations

import pytest

from insight_frames.sandbox.script import ScriptError, read_script


def texts(script: str, **variables: str) -> list[str]:
    return [one.text for one in read_script(script, variables)]


def test_splits_at_semicolons_outside_quotations() -> None:
    script = """
    select ';', "a;b", E'\\';', $$;$$, $tag$ $$;$$ $tag$; -- ; not here
    /* ; /* nested ; */ ; */ select 2
    """
    first, second = texts(script)
    assert first == """select ';', "a;b", E'\\';', $$;$$, $tag$ $$;$$ $tag$"""
    assert second == "select 2"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("select :n", "select 3"),
        ("select :'name'", "select 'O''Brien \"x\"'"),
        ('select :"name"', 'select "O\'Brien ""x"""'),
        ("select ':n', \":n\", $$:n$$, 1::n, x:=1", "select ':n', \":n\", $$:n$$, 1::n, x:=1"),
        ("select :unknown, a[1:2]", "select :unknown, a[1:2]"),
        ("select a$b$c, $1", "select a$b$c, $1"),
        ("select 'it''s' 'n'", "select 'it''s' 'n'"),
        ("select name'x'", "select name'x'"),
        ("create rule r as on insert to t do (select 1; select 2)", None),
    ],
)
def test_variables_and_tokens(script: str, expected: str | None) -> None:
    assert texts(script + ";", n="3", name='O\'Brien "x"') == [expected or script]


def test_set_and_unset() -> None:
    script = "\\set a 'it''s' \\\\ \n\\set b :a x\nselect :'a', :'b';\n\\unset a\nselect :'a';"
    assert texts(script) == ["select 'it''s\\\\', 'it''s\\\\x'", "select :'a'"]


def test_harmless_commands_are_passed_over_and_others_refused() -> None:
    assert texts("\\set ON_ERROR_STOP 1\n\\echo 'hello'\n\\timing on\nselect 1;") == ["select 1"]
    with pytest.raises(ScriptError, match=r"\\include is not understood \(line 3"):
        texts("select 1;\n\n\\include other.sql\n")


@pytest.mark.parametrize(
    "script", ["select 'x", 'select "x', "select $$ x", "select /* x /* y */", "copy t from stdin;\n1"]
)
def test_what_is_not_closed_is_refused(script: str) -> None:
    with pytest.raises(ScriptError, match=r"line 2 "):
        texts("select 1;\n" + script)


def test_gexec_copy_and_lines() -> None:
    script = "\n\nselect 'select 1' \\gexec\ncopy t (a) from stdin;\n1;\n\\N\n\\.\nselect 2"
    first, second, third = read_script(script)
    assert (first.text, first.gexec, first.line) == ("select 'select 1'", True, 3)
    assert (second.text, second.copy_data, second.line) == ("copy t (a) from stdin", "1;\n\\N\n", 4)
    assert (third.text, third.line) == ("select 2", 8)


def test_no_statement() -> None:
    assert texts(" -- nothing\n/* at all */ ; ;") == []
