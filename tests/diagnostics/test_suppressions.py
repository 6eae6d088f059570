"""Comments that ignore findings: what they are about, and what is said about the comments."""

import pytest

from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.diagnostics.diagnostic import DIAGNOSTICS_MAX, Severity, Sink
from dagnats.diagnostics.fixes import mend
from dagnats.source.comments import comments
from dagnats.source.reader import read

NS = "timeout: 5000000000"
HEAD = "name: n\nsteps:\n"
FLOW = f"  - {{id: a, task: t, {NS}}}"
BLOCK = f"  - id: a\n    task: t\n    {NS}"


def codes(text: str) -> list[tuple[str, int]]:
    """What is found, and on which lines."""
    return [(d.code, d.span.start.line) for d in compile_workflow(text).diagnostics]


def mended(text: str) -> str:
    return mend(text, lambda t: check_workflow(t).diagnostics, unsafe=False).text


SILENT = {
    "behind it": f"{HEAD}{BLOCK}  # dagnats: ignore[DN9001] why\n",
    "without a reason": f"{HEAD}{BLOCK} # dagnats: ignore[DN9001]\n",
    "close together": f"{HEAD}{BLOCK} #dagnats:ignore[DN9001]\n",
    "above the key": f"{HEAD}  - id: a\n    task: t\n    # dagnats: ignore[DN9001]\n    {NS}\n",
    "above the step": f"{HEAD}  # dagnats: ignore[DN9001]\n{BLOCK}\n",
    "above a dash alone": (
        f"{HEAD}  # dagnats: ignore[DN9001]\n  -\n    id: a\n    task: t\n    {NS}\n"
    ),
    "above blanks": f"{HEAD}  # dagnats: ignore[DN9001]\n\n  # why\n{FLOW}\n",
    "above all steps": f"name: n\n# dagnats: ignore[DN9001]\nsteps:\n{FLOW}\n",
    "for the file": f"# dagnats: ignore-file[DN9001] Go\n{HEAD}{FLOW}\n",
    "for the file at its end": f"{HEAD}{FLOW}\n# dagnats: ignore-file[DN9001]",
    "behind another comment": f"{HEAD}{FLOW} # 5s # dagnats: ignore[DN9001]\n",
    "behind a byte order mark": f"\ufeff# dagnats: ignore-file[DN9001]\n{HEAD}{FLOW}\n",
    "with DOS line breaks": f"{HEAD}  # dagnats: ignore[DN9001]\n{BLOCK}\n".replace("\n", "\r\n"),
    "several codes": "name: n\nsteps:\n  - {id: a, task: t}\n  # dagnats: ignore[DN9001, DN9002]\n"
    f"  - {{id: b, task: t, depends_on: [a, a], {NS}}}\n",
}


@pytest.mark.parametrize("text", SILENT.values(), ids=[k.replace(" ", "-") for k in SILENT])
def test_a_comment_ignores(text: str) -> None:
    compiled = compile_workflow(text)
    assert compiled.program is not None
    assert compiled.diagnostics == ()
    without = text.replace("dagnats:", "dagnuts:")
    assert {code for code, _ in codes(without)} <= {"DN9001", "DN9002"}
    assert codes(without)


def test_a_comment_is_about_its_own_place_only() -> None:
    text = (
        f"{HEAD}  # dagnats: ignore[DN9001] this step\n{BLOCK}\n  - id: b\n    task: t\n    {NS}\n"
    )
    assert codes(text) == [("DN9001", 9)]
    text = f"{HEAD}  - id: a\n    {NS} # dagnats: ignore[DN9001]\n    task: t\n    queue_{NS}\n"
    assert codes(text) == [("DN9001", 6)]


def test_a_comment_above_the_name_is_not_about_the_whole_file() -> None:
    text = f"# dagnats: ignore[DN9001]\n{HEAD}{FLOW}\n"
    assert codes(text) == [("DN9010", 1), ("DN9001", 4)]


@pytest.mark.parametrize(
    "value",
    [
        '"see # dagnats: ignore[DN9001]"',
        "'see # dagnats: ignore[DN9001]'",
        "|\n  see\n  # dagnats: ignore[DN9001]",
        ">-\n  # dagnats: ignore-file[DN9001]\n  see",
        "see#dagnats:ignore[DN9001]",
        '"a\n  # dagnats: ignore-file[DN9001]"',
    ],
)
def test_what_stands_in_a_text_is_no_comment(value: str) -> None:
    document = read(f"name: n\ndescription: {value}\nsteps: []\n", "f", Sink())
    assert comments(document) == ()


def test_a_line_that_is_commented_out_ignores_nothing() -> None:
    text = f"{HEAD}#  - {{id: z, task: t}} # dagnats: ignore[DN9001]\n{FLOW}\n"
    assert codes(text) == [("DN9001", 4)]
    assert codes("# dagnats: 1\n" + HEAD + "  - {id: a, task: t}\n") == []


@pytest.mark.parametrize(
    ("style", "line"),
    [("|", "    # dagnats: ignore[DN9002]"), (">-", " # dagnats: ignore[DN9002]")],
)
def test_comments_around_a_block_are_comments(style: str, line: str) -> None:
    text = f"name: n\ndescription: {style} # dagnats: ignore[DN9001]\n  text\n\nsteps: []{line}\n"
    found = comments(read(text, "f", Sink()))
    assert [(c.span.start.line, c.first, c.last) for c in found] == [(2, 2, 3), (5, 5, 5)]


def test_an_error_cannot_be_ignored() -> None:
    text = f"{HEAD}  - {{id: a, task: t, depends_on: [b]}} # dagnats: ignore[DN3002]\n"
    compiled = compile_workflow(text)
    assert compiled.program is None
    assert [d.code for d in compiled.diagnostics] == ["DN3002", "DN9010"]
    assert "cannot be ignored" in compiled.diagnostics[1].message


def test_of_a_document_with_errors_no_comment_is_called_useless() -> None:
    text = f"{HEAD}  - {{id: a, depends_on: [b]}} # dagnats: ignore[DN9002]\n"
    assert {code for code, _ in codes(text)} == {"DN2002", "DN3002"}


MENDED = {
    "a comment behind something": (
        "  - {id: a, task: t}   # dagnats: ignore[DN9001] old",
        "  - {id: a, task: t}",
    ),
    "a line of its own": (
        "  # dagnats: ignore[DN9001]\n  - {id: a, task: t}",
        "  - {id: a, task: t}",
    ),
    "one code of two": (
        f"{FLOW} # dagnats: ignore[DN9002, DN9001] why",
        f"{FLOW} # dagnats: ignore[DN9001] why",
    ),
    "a comment before it stays": (
        "  - {id: a, task: t} # mine # dagnats: ignore[DN9001]",
        "  - {id: a, task: t} # mine",
    ),
    "an unknown code": (
        f"{FLOW} # dagnats: ignore[style, DN9001]",
        f"{FLOW} # dagnats: ignore[DN9001]",
    ),
    "only unknown codes": (
        "  - {id: a, task: t} # dagnats: ignore[this, that]",
        "  - {id: a, task: t}",
    ),
}


@pytest.mark.parametrize("case", MENDED.values(), ids=[k.replace(" ", "-") for k in MENDED])
def test_useless_comments_are_removed(case: tuple[str, str]) -> None:
    before, after = [f"{HEAD}{part}\n" for part in case]
    judged = check_workflow(before).diagnostics
    assert judged
    assert all(d.severity is Severity.WARNING for d in judged)
    only = mend(
        before,
        lambda t: [d for d in check_workflow(t).diagnostics if d.code != "DN9001"],
        unsafe=False,
    )
    assert only.text == after


def test_a_code_that_is_nearly_right_is_suggested() -> None:
    text = f"{HEAD}{FLOW} # dagnats: ignore[dn9001]\n"
    unknown, old = sorted(compile_workflow(text).diagnostics, key=lambda d: -ord(d.code[-1]))[-2:]
    found = {d.code: d for d in (unknown, old)}
    assert found["DN9011"].help == "did you mean `DN9001`?"
    assert [f.title for f in found["DN9011"].fixes] == ["write `DN9001`"]


@pytest.mark.parametrize(
    "comment",
    ["ignore", "ignore[]", "ignore DN9001", "ignore: DN9001", "ignored[DN9001]", "ignore[DN9001",
     "noqa", "disable=DN9001"],
)  # fmt: skip
def test_what_is_not_understood_is_told(comment: str) -> None:
    text = f"{HEAD}  - {{id: a, task: t}} # dagnats: {comment}\n"
    assert codes(text) == [("DN9012", 3)]


def test_what_is_said_about_comments_can_be_ignored_too() -> None:
    text = (
        f"# dagnats: ignore-file[DN9010]\n{HEAD}  - {{id: a, task: t}} # dagnats: ignore[DN9001]\n"
    )
    assert codes(text) == []


def test_findings_that_are_ignored_take_no_room() -> None:
    steps = "".join(f"  - {{id: s{n}, task: t, {NS}}}\n" for n in range(3 * DIAGNOSTICS_MAX))
    again = "  - {id: last, task: t, depends_on: [s0, s0]}\n"
    compiled = compile_workflow(f"# dagnats: ignore-file[DN9001]\n{HEAD}{steps}{again}")
    assert [d.code for d in compiled.diagnostics] == ["DN9002"]
    assert compiled.suppressed == 0


def test_an_error_is_seen_behind_any_number_of_hints() -> None:
    steps = "".join(f"  - {{id: s{n}, task: t, {NS}}}\n" for n in range(1_200))
    compiled = compile_workflow(f"{HEAD}{steps}  - {{id: last, task: t, depends_on: [nix]}}\n")
    assert compiled.program is None
    assert len(compiled.diagnostics) == DIAGNOSTICS_MAX
    assert compiled.diagnostics[-1].code == "DN3002"
    assert compiled.suppressed == 1_201 - DIAGNOSTICS_MAX


def test_json_has_no_comments_and_needs_none() -> None:
    steps = '"steps": [{"id": "a", "task": "t"}]'
    text = f'{{"name": "n", "description": "# dagnats: ignore[DN9001]", {steps}}}'
    assert codes(text) == []
