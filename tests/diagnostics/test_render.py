"""How findings look: marks stand under what they mean, and nothing disturbs the terminal."""

import json
import re
import unicodedata
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import (
    NOWHERE,
    Diagnostic,
    Edit,
    Fix,
    Label,
    Position,
    Severity,
    Span,
)
from dagnats.diagnostics.render import render_concise, render_full, render_json

STYLE = re.compile("\x1b\\[[0-9;]*m")
STEPS = "steps:\n  - {id: a, task: t}\n  - {id: b, task: t}\n  - {id: c, task: t}\n"


def place(text: str, offset: int) -> Position:
    before = text[:offset].removeprefix("\ufeff")
    line_start = before.rfind("\n") + 1
    return Position(offset, before.count("\n") + 1, len(before) - line_start + 1)


def span(text: str, part: str, nth: int = 1) -> Span:
    """The place of the nth occurrence of a part of a text."""
    at = -1
    for _ in range(nth):
        at = text.index(part, at + 1)
    return Span(place(text, at), place(text, at + len(part)))


def finding(where: Span, *labels: Label, **more: object) -> Diagnostic:
    return Diagnostic("DN3002", "there is no step `b`", where, labels=labels, **more)


def below_the_title(text: str, found: Diagnostic, *, colour: bool = False) -> str:
    return render_full([found], text, "f.yaml", colour=colour).split("\n", 2)[2]


def expected(drawing: str) -> str:
    return dedent(drawing).removeprefix("\n")


def test_a_finding_has_title_place_source_and_advice() -> None:
    text = "name: n\nsteps:\n  - {id: a, task: t, depends_on: [bb]}\n"
    where = span(text, "bb")
    fixes = (
        Fix("write `a`", (Edit(where, "a"),), "safe"),
        Fix("remove the dependency", (Edit(where, ""),)),
    )
    found = Diagnostic("DN3002", "there is no step `bb`", where, help="name another", fixes=fixes)
    assert render_full([found], text, "f.yaml", colour=False) == expected("""
        error[DN3002]: there is no step `bb`
         --> f.yaml:3:35
          |
        3 |   - {id: a, task: t, depends_on: [bb]}
          |                                   ^^
          |
          = help: name another
          = fix: write `a`
          |
        3 -   - {id: a, task: t, depends_on: [bb]}
        3 +   - {id: a, task: t, depends_on: [a]}
          = fix: remove the dependency (unsafe)
          |
        3 -   - {id: a, task: t, depends_on: [bb]}
        3 +   - {id: a, task: t, depends_on: []}
        """)


def test_help_that_a_fix_repeats_is_said_once() -> None:
    fix = Fix("write `30s`", (Edit(NOWHERE, "30s"),), "safe")
    found = Diagnostic("DN9001", "old", NOWHERE, Severity.INFO, help="write `30s`", fixes=(fix,))
    assert render_full([found], "x", "f.yaml", colour=False) == expected("""
        info[DN9001]: old
         --> f.yaml:1:1
          |
        1 | x
          | ^
          |
          = fix: write `30s`
          |
        1 - x
        1 + 30sx
        """)


def test_findings_are_apart() -> None:
    found = finding(NOWHERE)
    once = render_full([found], "x", "f.yaml", colour=False)
    assert render_full([found, found], "x", "f.yaml", colour=False) == f"{once}\n{once}"
    assert render_full([], "x", "f.yaml", colour=False) == ""


WIDE = 'name: "日本", x: 値, y: é, z: 1'
COMBINED = "a: e\u0301e\u0301, b: 1"
MULTI = "a: 1\nb: {c: 2,   \n    d: 3}\ne: 4\n"
DISTANT = "\n".join(f"line{n}: {n}" for n in range(1, 13))
LONG = "x: " + "ab " * 60 + "NEEDLE" + " cd" * 60
DRAWINGS = {
    "tabs are drawn as blanks": (
        "a:\tb\tc: 1",
        lambda t: finding(span(t, "c")),
        """
          |
        1 | a:  b   c: 1
          |         ^
        """,
    ),
    "wide characters take two columns": (
        WIDE,
        lambda t: finding(span(t, "値"), Label(span(t, "z"), "behind it")),
        """
          |
        1 | name: "日本", x: 値, y: é, z: 1
          |                  ^^        - behind it
        """,
    ),
    "a wide label is drawn in full": (
        WIDE,
        lambda t: finding(span(t, "日本")),
        """
          |
        1 | name: "日本", x: 値, y: é, z: 1
          |        ^^^^
        """,
    ),
    "combining marks take none": (
        COMBINED,
        lambda t: finding(span(t, "b")),
        f"""
          |
        1 | {COMBINED}
          |        ^
        """,
    ),
    "a combining mark alone is marked once": (
        COMBINED,
        lambda t: finding(span(t, "\u0301")),
        f"""
          |
        1 | {COMBINED}
          |     ^
        """,
    ),
    "a span over lines has a bracket": (
        MULTI,
        lambda t: finding(span(t, "{c: 2,   \n    d: 3}")),
        """
          |
        2 |   b: {c: 2,
          |  ____^
        3 | |     d: 3}
          | |_________^
        """,
    ),
    "a bracket opens beside a line that begins with it": (
        MULTI,
        lambda t: finding(span(t, "b: {c: 2,   \n    d: 3}")),
        """
          |
        2 | / b: {c: 2,
        3 | |     d: 3}
          | |_________^
        """,
    ),
    "the bracket of a label has its words at its end": (
        MULTI,
        lambda t: finding(span(t, "4"), Label(span(t, "{c: 2,   \n    d: 3}"), "not this")),
        """
          |
        2 |   b: {c: 2,
          |  ____-
        3 | |     d: 3}
          | |_________- not this
        4 |   e: 4
          |      ^
        """,
    ),
    "marks inside of a bracket": (
        MULTI,
        lambda t: finding(span(t, "b: {c: 2,   \n    d: 3}"), Label(span(t, "3"), "this")),
        """
          |
        2 | / b: {c: 2,
        3 | |     d: 3}
          | |        - this
          | |_________^
        """,
    ),
    "brackets side by side": (
        MULTI,
        lambda t: finding(
            span(t, "a: 1\nb: {c: 2,   \n    d: 3}"), Label(span(t, "d: 3}\ne: 4"), "crossing")
        ),
        """
          |
        1 | /   a: 1
        2 | |   b: {c: 2,
        3 | | /     d: 3}
          | |___________^
        4 |   | e: 4
          |   |____- crossing
        """,
    ),
    "of a long bracket the middle is left out": (
        DISTANT,
        lambda t: finding(span(t, t[t.index("line2") : t.index("line12")])),
        """
           |
         2 | / line2: 2
         3 | | line3: 3
        ...  |
        10 | | line10: 10
        11 | | line11: 11
           | |__________^
        """,
    ),
    "a span up to the next line stays on its own": (
        MULTI,
        lambda t: finding(span(t, "a: 1\n")),
        """
          |
        1 | a: 1
          | ^^^^
        """,
    ),
    "what is between distant lines is left out": (
        DISTANT,
        lambda t: finding(
            span(t, "line11"), Label(span(t, "line2"), "first"), Label(span(t, "line4"), "second")
        ),
        """
           |
         2 | line2: 2
           | ----- first
         3 | line3: 3
         4 | line4: 4
           | ----- second
        ...
        11 | line11: 11
           | ^^^^^^
        """,
    ),
    "labels on one line hang below each other": (
        STEPS,
        lambda t: finding(
            span(t, "t", 3),
            Label(span(t, "id", 1), "one"),
            Label(span(t, "a", 1), "two"),
            Label(span(t, "task", 1), "three"),
        ),
        """
          |
        2 |   - {id: a, task: t}
          |      --  -  ----  ^
          |      |   |  |
          |      |   |  three
          |      |   two
          |      one
        """,
    ),
    "labels before the mark hang below": (
        STEPS,
        lambda t: finding(span(t, "task", 2), Label(span(t, "b", 1), "this one")),
        """
          |
        3 |   - {id: b, task: t}
          |          -  ^^^^
          |          |
          |          this one
        """,
    ),
    "a long line is cut on both sides": (
        LONG,
        lambda t: finding(span(t, "NEEDLE")),
        """
          |
        1 | …ab ab ab ab ab ab ab ab ab ab ab NEEDLE cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd …
          |                                   ^^^^^^
        """,  # noqa: E501
    ),
    "a long line is cut behind an early mark": (
        LONG,
        lambda t: finding(span(t, "x")),
        """
          |
        1 | x: ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab a…
          | ^
        """,  # noqa: E501
    ),
    "a label in the part that is cut off points there": (
        LONG,
        lambda t: finding(span(t, "NEEDLE"), Label(span(t, "x"), "far away")),
        """
          |
        1 | …ab ab ab ab ab ab ab ab ab ab ab NEEDLE cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd cd …
          | -                                 ^^^^^^
          | |
          | far away
        """,  # noqa: E501
    ),
    "control characters are symbols": (
        "a: \x1b[31m\x00\x7f\x85\u202e\ud800!",
        lambda t: finding(span(t, "!")),
        """
          |
        1 | a: ␛[31m␀␡���!
          |              ^
        """,
    ),
    "an empty text": (
        "",
        lambda _: finding(NOWHERE),
        """
          |
        1 |
          | ^
        """,
    ),
    "the end of a text": (
        "a: [\n",
        lambda t: finding(Span(place(t, 5), place(t, 5))),
        """
          |
        2 |
          | ^
        """,
    ),
    "a place behind the text": (
        "a",
        lambda _: finding(Span(Position(99, 9, 9), Position(99, 9, 9))),
        """
          |
        9 |
          | ^
        """,
    ),
    "a byte order mark takes no column": (
        "\ufeffa: b",
        lambda t: finding(span(t, "b")),
        """
          |
        1 | a: b
          |    ^
        """,
    ),
    "lines end as in DOS": (
        "a: 1\r\nb: 2\r\n",
        lambda t: finding(span(t, "2")),
        """
          |
        2 | b: 2
          |    ^
        """,
    ),
}


@pytest.mark.parametrize(
    ("text", "found", "drawing"),
    DRAWINGS.values(),
    ids=[name.replace(" ", "-") for name in DRAWINGS],
)
@pytest.mark.parametrize("colour", [False, True])
def test_source_is_drawn(text: str, found, drawing: str, *, colour: bool) -> None:
    drawn = below_the_title(text, found(text), colour=colour)
    assert STYLE.sub("", drawn) == expected(drawing)
    assert colour == ("\x1b" in drawn)


def test_colours() -> None:
    text = "a: b"
    found = finding(span(text, "b"), Label(span(text, "a"), "of this"), help="name another")
    blue, red, bold, off = "\x1b[1;34m", "\x1b[1;31m", "\x1b[1m", "\x1b[0m"
    assert render_full([found], text, "f", colour=True).splitlines() == [
        f"{red}error[DN3002]{off}{bold}: there is no step `b`{off}",
        f"{blue} -->{off} f:1:4",
        f"{blue}  |{off}",
        f"{blue}1 |{off} a: b",
        f"{blue}  |{off} {blue}-{off}  {red}^{off}",
        f"{blue}  |{off} {blue}|{off}",
        f"{blue}  |{off} {blue}of this{off}",
        f"{blue}  |{off}",
        f"{blue}  ={off} {bold}help:{off} name another",
    ]


def test_nothing_of_a_finding_reaches_the_terminal_raw() -> None:
    evil = "\x1b[2J\n\u202e"
    fix = Fix(evil, (Edit(NOWHERE, evil),))
    found = Diagnostic(
        "DN2001", evil, NOWHERE, labels=(Label(NOWHERE, evil),), help=f"{evil}!", fixes=(fix,)
    )
    full = render_full([found], evil, evil, colour=False)
    concise = render_concise([found], evil, evil)
    assert not {"\x1b", "\u202e"} & {*full, *concise}
    assert concise == "␛[2J␊�:1:1: error[DN2001] ␛[2J␊�\n"
    full.encode("utf-8")


TEXTS = st.text(
    st.sampled_from("ab \t日値\u0301\u200d😀\x1b\x85\u202e\ud800\r\n") | st.characters()
)
POSITIONS = st.builds(Position, st.just(0), st.integers(1, 5), st.integers(1, 150))
SPANS = st.tuples(POSITIONS, POSITIONS).map(lambda two: Span(min(two), max(two)))


@pytest.mark.slow
@given(
    TEXTS.map(lambda text: text * 9),
    SPANS,
    st.lists(st.builds(Label, SPANS, TEXTS, st.none()), max_size=3),
)
def test_any_place_of_any_text_is_drawn(text: str, where: Span, labels: list[Label]) -> None:
    full = render_full([finding(where, *labels)], text, "f.yaml", colour=False)
    lines = full.removesuffix("\n").split("\n")
    marked = lines[3:]
    assert any("^" in line for line in marked)
    assert not {"Cc", "Cs"} & {unicodedata.category(char) for char in full if char != "\n"}
    assert "\u202e" not in full
    full.encode("utf-8")
    assert all("|" in line or line == "..." for line in marked)
    assert full == STYLE.sub(
        "", render_full([finding(where, *labels)], text, "f.yaml", colour=True)
    )


def test_a_huge_line_costs_little() -> None:
    text = "[" + "日, " * 300_000 + "x]"
    found = [finding(span(text, "x"))] * 100
    assert max(map(len, render_full(found, text, "f", colour=False).splitlines())) < 200


def test_concise_is_one_line_a_finding() -> None:
    text = "a: b\nc: d\n"
    found = [
        Diagnostic("DN3002", "there is no step `b`", span(text, "b"), help="no"),
        Diagnostic("DN9001", "an old spelling", span(text, "d"), Severity.INFO),
    ]
    assert render_concise(found, text, "f.yaml") == (
        "f.yaml:1:4: error[DN3002] there is no step `b`\nf.yaml:2:4: info[DN9001] an old spelling\n"
    )


def test_json_is_the_contract() -> None:
    text = "a: b\nc: d\n"
    where, other = span(text, "d"), span(text, "b")
    fix = Fix("write `b`", (Edit(where, "b"),), "safe")
    found = Diagnostic(
        "DN3002", "no `d`", where, labels=(Label(other, "near"),), help="so", fixes=(fix,)
    )
    warning = Diagnostic("DN9002", "again", other, Severity.WARNING)
    at = {
        "start": {"line": 2, "column": 4, "offset": 8},
        "end": {"line": 2, "column": 5, "offset": 9},
    }
    near = {
        "start": {"line": 1, "column": 4, "offset": 3},
        "end": {"line": 1, "column": 5, "offset": 4},
    }
    document = render_json({"f.yaml": [found, warning], "clean.yaml": []})
    assert document == {
        "version": 1,
        "files": 2,
        "summary": {"errors": 1, "warnings": 1, "infos": 0},
        "diagnostics": [
            {
                "code": "DN3002",
                "severity": "error",
                "message": "no `d`",
                "file": "f.yaml",
                "range": at,
                "labels": [{"range": near, "message": "near"}],
                "help": "so",
                "fixes": [
                    {
                        "title": "write `b`",
                        "applicability": "safe",
                        "edits": [{"range": at, "text": "b"}],
                    }
                ],
                "url": "docs/diagnostics.md#dn3002-unknown-step",
            },
            {
                "code": "DN9002",
                "severity": "warning",
                "message": "again",
                "file": "f.yaml",
                "range": near,
                "labels": [],
                "help": None,
                "fixes": [],
                "url": "docs/diagnostics.md#dn9002-repeated-dependency",
            },
        ],
    }
    assert json.loads(json.dumps(document)) == document


def test_json_can_be_written_whatever_an_author_wrote() -> None:
    odd = "\ud800\x1b日"
    fix = Fix(odd, (Edit(NOWHERE, odd),))
    found = Diagnostic(
        "DN2001", odd, NOWHERE, labels=(Label(NOWHERE, odd),), help=odd, fixes=(fix,)
    )
    written = json.dumps(render_json({odd: [found]}), ensure_ascii=False).encode("utf-8")
    assert json.loads(written)["diagnostics"][0]["message"] == "\ufffd\x1b日"
