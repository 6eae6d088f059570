"""The table of `docs/engine.md` is made of the cases that tests run: no cell without one."""

import os
from pathlib import Path

from dagnats.ir.program import Node
from tests.machine.behaviour.case import Case
from tests.machine.test_behaviour import CASES

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
BEGIN, END = "<!-- behaviour: made by `make bless` -->\n", "<!-- end of behaviour -->\n"

KINDS = {
    "task": "TaskNode",
    "agent_loop": "AgentLoopNode",
    "planner": "PlannerNode",
    "map": "MapNode",
    "loop": "LoopNode",
    "switch": "SwitchNode",
    "approval": "ApprovalNode",
    "wait_for_event": "WaitForEventNode",
    "sleep": "SleepNode",
    "sub_workflow": "SubWorkflowNode",
    "transform": "TransformNode",
    "emit": "EmitNode",
    "respond": "RespondNode",
    "continue_as_new": "ContinueAsNewNode",
    "fail": "FailNode",
}
OUTCOMES = ("success", "failure", "retry", "timeout", "cancel", "skip", "crash")
AT_ONCE = "done in one decision"
NONE = {
    ("approval", "retry"): "a decision is not asked for again",
    ("wait_for_event", "retry"): "a wait is not begun again",
    ("sleep", "retry"): "nothing that a second try would change",
    ("sleep", "timeout"): "its time is its end",
    ("switch", "timeout"): "its steps have times, it has none",
    ("fail", "success"): "it is there to fail",
    **{
        (kind, outcome): AT_ONCE
        for kind in ("transform", "emit", "respond", "continue_as_new", "fail")
        for outcome in ("retry", "timeout")
    },
}


def cells() -> dict[tuple[str, str], list[Case]]:
    """Return which cases cover a cell; a crash is tried at each event of each case of a kind."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in CASES:
        for cell in case.cells:
            found.setdefault(cell, []).append(case)
        for kind in {kind for kind, _ in case.cells}:
            found.setdefault((kind, "crash"), []).append(case)
    return found


def table() -> str:
    """Return the part of the page that is made of the cases."""
    found = cells()
    head = f"| | {' | '.join(OUTCOMES)} |\n|---{'|---' * len(OUTCOMES)}|"
    rows = [head]
    for kind in KINDS:
        counts = [str(len(found[kind, o])) if (kind, o) in found else "—" for o in OUTCOMES]
        rows.append(f"| [`{kind}`](#{kind}) | " + " | ".join(counts) + " |")
    parts = ["\n".join(rows)]
    for kind in (*KINDS, "run"):
        parts += [f"### {kind}", *told(kind, found)]
    return "\n\n".join(parts) + "\n"


def told(kind: str, found: dict[tuple[str, str], list[Case]]) -> list[str]:
    """Return what is said of a kind: its outcomes, and those that it does not have."""
    rows = ["| | |\n|---|---|"]
    known = [outcome for of, outcome in found if of == kind and outcome != "crash"]
    ordered = [o for o in OUTCOMES if o in known] + [o for o in known if o not in OUTCOMES]
    for outcome in ordered:
        says = dict.fromkeys(case.says for case in found[kind, outcome])
        rows.append(f"| {outcome} | {'; '.join(says)} |")
    rows += [f"| {outcome} | —: {why} |" for (of, outcome), why in NONE.items() if of == kind]
    names = "; ".join(case.name for case in found[kind, "crash"])
    return ["\n".join(rows), f"Cases: {names}."]


def test_every_kind_of_step_is_in_the_table() -> None:
    assert sorted(KINDS.values()) == sorted(kind.__name__ for kind in Node.__args__)


def test_every_cell_has_a_case_or_a_reason() -> None:
    wanted = {(kind, outcome) for kind in KINDS for outcome in OUTCOMES}
    assert wanted - set(cells()) == set(NONE)
    assert not set(cells()) & set(NONE)


def test_cases_of_a_cell_say_the_same() -> None:
    several = {c: {x.says for x in xs} for c, xs in cells().items() if c[1] != "crash"}
    assert [c for c, says in several.items() if len(says) > 1] == []


def test_the_page_and_the_cases_are_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if os.environ.get("DAGNATS_BLESS"):
        PAGE.write_text(made, encoding="utf-8")
        text = made
    assert text == made, "run `make bless`"
