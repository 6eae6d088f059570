"""Drawings of a program in every form: what is in them, that they are well-formed, and golden."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dagnats.drawing.build import draw
from dagnats.drawing.document import to_document
from dagnats.drawing.dot import render_dot
from dagnats.drawing.layout import Direction
from dagnats.drawing.mermaid import render_mermaid
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.drawing.names import vertices_of
from dagnats.drawing.svg import render_svg
from dagnats.drawing.text import render_text
from dagnats.drawing.tree import render_tree
from dagnats.ir import program as p
from dagnats.ir.verify import verify
from tests.drawing.samples import NASTY, WHOLE, chance_scope, program, task
from tests.ir.samples import SAMPLES

GOLDEN = Path(__file__).parent / "golden"
FORMS: dict[str, Callable[[Scope], str]] = {
    "down.txt": lambda scope: render_text(scope, "TB")[0],
    "right.txt": lambda scope: render_text(scope, "LR")[0],
    "colour.txt": lambda scope: render_text(scope, "TB", colour=True)[0],
    "tree.txt": render_tree,
    "ascii.txt": lambda scope: render_tree(scope, ascii_only=True),
    "mmd": lambda scope: render_mermaid(scope, "TB"),
    "dot": lambda scope: render_dot(scope, "LR"),
    "svg": lambda scope: render_svg(scope, "TB"),
}
BAD = Scope(
    NASTY,
    (
        Vertex("a", "task", NASTY, (NASTY,)),
        Vertex(
            "b", "switch", "b", (NASTY,), (Scope(NASTY, (Vertex("c", "task", "end"),)), Scope("x"))
        ),
    ),
    (Link(0, 1, "needs", NASTY),),
)
SCOPES = {"whole": draw(WHOLE, critical=True), "bad": BAD, "empty": Scope("empty")}
SCOPES |= {f"chance {seed}": chance_scope(seed) for seed in range(20)}


def test_the_sample_is_a_program() -> None:
    assert not verify(WHOLE)


@pytest.mark.parametrize("form", FORMS)
def test_the_golden_drawing(form: str) -> None:
    drawn = FORMS[form](SCOPES["whole"])
    golden = GOLDEN / f"whole.{form}"
    if os.environ.get("DAGNATS_BLESS"):
        golden.write_text(drawn, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == drawn, "look at it, then `make bless`"


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("form", FORMS)
def test_any_program_can_be_drawn(form: str, name: str) -> None:
    scope = draw(SAMPLES[name], critical=True)
    drawn = FORMS[form](scope)
    assert drawn.endswith("\n")
    assert all(node.id in drawn for node in SAMPLES[name].nodes)


def test_every_construct_is_in_the_drawing() -> None:
    document = to_document(SCOPES["whole"])
    ids = [node["id"] for node in document["nodes"]]
    assert ids[:3] == ["trigger:nightly", "trigger:push", "load"]
    assert ids[-1] == "finally:"
    told = {(e["from"], e["to"]): (e["kind"], e["label"]) for e in document["edges"]}
    for ends, what in {
        ("trigger:nightly", "load"): ("starts", ""),
        ("load", "fan"): ("needs", ""),
        ("gate", "post"): ("needs", "or failed"),
        ("poll", "paid"): ("needs", "or skipped"),
        ("review", "repair"): ("on_failure", "on failure"),
        ("post", "unpost"): ("compensate", "compensate"),
        ("answer", "finally:"): ("then", ""),
        ("again", "finally:"): ("then", ""),
    }.items():
        assert told[ends] == what
    assert ("repair", "finally:") not in told
    nodes = {node["id"]: node for node in document["nodes"]}
    assert [body["title"] for body in nodes["pick"]["bodies"]] == [
        'case "low", "none"', 'case "high"', "default",
    ]  # fmt: skip
    assert [node["id"] for node in nodes["fan"]["bodies"][0]["nodes"]] == ["get", "cut"]
    assert nodes["gate"]["notes"] == [
        "approval by team", "at most 1d, then reject", "join all_done",
    ]  # fmt: skip
    assert nodes["review"]["notes"] == [
        "agent loop agent.review", "at most 5 times", "until result.done",
        "when size(steps.load.output.files) > 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("accepts", "label"),
    [
        (("completed",), ""),
        (("completed", "skipped"), "or skipped"),
        (("completed", "skipped", "failed"), "in any case"),
        (("failed",), "if failed"),
        (("skipped", "failed"), "if skipped or failed"),
    ],
)
def test_an_edge_says_what_else_it_accepts(accepts: tuple[str, ...], label: str) -> None:
    nodes = task("a"), task("b", edges=(p.Edge(0, accepts),))
    assert [link.label for link in draw(program(*nodes)).links] == [label]


def test_a_handler_outside_of_a_body_hangs_on_the_container() -> None:
    nodes = (
        p.MapNode(id="fan", body=0, max_items=2),
        task("each", within=0, on_failure=2),
        task("mend"),
    )
    scope = draw(program(*nodes, bodies=(p.Body(0, 1, 1),)))
    assert scope.links == (Link(0, 1, "on_failure", "on failure"),)


@pytest.mark.parametrize(
    ("first", "second", "critical"),
    [
        ({"timeout_ms": 10}, {"timeout_ms": 20}, {"b", "c"}),
        ({"timeout_ms": 30}, {"timeout_ms": 20}, {"a", "c"}),
        ({"retry": p.Retry(max_retries=3, max_delay_ms=1)}, {"timeout_ms": 20}, {"a", "c"}),
        ({"max_deliveries": 1}, {}, {"b", "c"}),
    ],
)
def test_the_critical_path_is_the_longest(
    first: dict[str, int], second: dict[str, int], critical: set[str]
) -> None:
    times = {"timeout_ms": 10, "queue_timeout_ms": 1}
    nodes = task("a", **(times | first)), task("b", **(times | second)), task("c", 0, 1)
    scope = draw(program(*nodes), critical=True)
    assert {vertex.id for vertex in scope.vertices if vertex.critical} == critical
    assert not any(vertex.critical for vertex in draw(program(*nodes)).vertices)


def test_the_critical_path_goes_on_inside_of_bodies() -> None:
    marked = {vertex.id for vertex in vertices_of(SCOPES["whole"]) if vertex.critical}
    assert {"load", "review", "gate", "post", "child", "plan", "again", "sweep"} <= marked
    assert not marked & {"unpost", "nap", "answer", "repair"}


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", SCOPES)
def test_svg_is_well_formed_and_says_what_it_is(name: str, direction: Direction) -> None:
    drawn = render_svg(SCOPES[name], direction)
    root = ET.fromstring(drawn)
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.get("role") == "img"
    title, desc = root.find("s:title", space), root.find("s:desc", space)
    assert title is not None
    assert desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    groups = [e.get("data-step") for e in root.iter() if e.get("data-step")]
    assert groups == [vertex.id for vertex in vertices_of(SCOPES[name])]
    assert "prefers-color-scheme: dark" in drawn
    assert drawn == render_svg(SCOPES[name], direction)


@pytest.mark.parametrize("name", SCOPES)
def test_dot_is_dot(name: str) -> None:
    drawn = render_dot(SCOPES[name], "TB")
    graph = list(dot_statements(drawn))
    vertices = list(vertices_of(SCOPES[name]))
    assert graph.count("node") == len(vertices)
    assert graph.count("edge") == sum(1 for _ in links_of(SCOPES[name]))
    if shutil.which("dot"):
        done = subprocess.run(
            ["dot", "-Tsvg"], input=drawn.encode(), check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr


_DOT = re.compile(
    r'\s*(?:("(?:[^"\\\n]|\\.)*")|([A-Za-z_][A-Za-z0-9_]*|-?[0-9.]+)|(->|[{}\[\];=,]))'
)


def dot_statements(text: str) -> Iterator[str]:
    """Read a graph by DOT's grammar, and tell its nodes and edges."""
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        token = _DOT.match(text, at)
        assert token is not None, text[at : at + 40]
        tokens.append(token[1] or token[2] or token[3])
        at = token.end()
    depth = 0
    assert (tokens[0], tokens[2]) == ("digraph", "{")
    at = 2
    while at < len(tokens):
        token = tokens[at]
        if token in {"{", "}"}:
            depth += 1 if token == "{" else -1
            at += 1
        elif token == "subgraph":
            assert tokens[at + 2] == "{"
            at += 2
        elif token == ";":
            at += 1
        elif tokens[at + 1] == "=":
            at += 3
        else:
            kind = "edge" if tokens[at + 1] == "->" else "node"
            if token in {"graph", "node", "edge"}:
                kind = "defaults"
            at += 3 if kind == "edge" else 1
            if tokens[at] == "[":
                while tokens[at] != "]":
                    assert tokens[at + 2] == "="
                    assert tokens[at + 4] in {",", "]"}
                    at += 4
                at += 1
            assert tokens[at] == ";"
            yield kind
    assert depth == 0


def links_of(scope: Scope) -> Iterator[Link]:
    yield from scope.links
    for vertex in scope.vertices:
        for body in vertex.scopes:
            yield from links_of(body)


_QUOTED = r'"[^"\n]*"'
_MERMAID = (
    r"flowchart (TB|LR)",
    rf"subgraph n\d+(b\d+)?\[{_QUOTED}\]",
    r"direction (TB|LR)",
    r"end",
    rf"(?P<node>n\d+)(\[|\[\[|\(|\(\[|\(\(|\[\(|\[/|\{{\{{|>){_QUOTED}(\]|\]\]|\)|\]\)|\)\)|\)\]|/\]|\}}\}})",
    rf"(?P<edge>n\d+) (-->|-\.->|==>)(\|{_QUOTED}\|)? n\d+",
    r"classDef critical [a-z0-9#:,\-]+",
    r"class n\d+(,n\d+)* critical",
    r"linkStyle \d+(,\d+)* [a-z0-9#:,\-]+",
)


@pytest.mark.parametrize("name", SCOPES)
def test_mermaid_is_lines_that_mermaid_knows(name: str) -> None:
    drawn = render_mermaid(SCOPES[name], "LR")
    found = []
    for line in drawn.splitlines():
        matches = [match for form in _MERMAID if (match := re.fullmatch(form, line.strip()))]
        assert len(matches) == 1, line
        found.append(matches[0].lastgroup or matches[0][0].split()[0])
    assert drawn.count("subgraph") == sum(
        line == "end" for line in map(str.strip, drawn.splitlines())
    )
    links = [line for line in drawn.splitlines() if re.match(r"\s*n\d+ (-->|-\.->|==>)", line)]
    assert len(links) == sum(1 for _ in links_of(SCOPES[name]))


def test_a_tree_tells_bodies_and_sources() -> None:
    lines = render_tree(SCOPES["whole"]).splitlines()
    told = [line.replace("─ * ", "─ ") for line in lines]
    for line in (
        "├─ trigger nightly: cron 0 3 * * * Europe/Berlin",
        "│  └─ cut: transform steps.get.output.size() > 2  ← get",
        '│  ├─ case "high"',
        "│  │  └─ slow: agent do.slow",
        "├─ repair: task do.repair  ← failure of review",
        "├─ unpost: task do.unpost  ← undoes post",
        "├─ paid: wait for order.paid; at most 1h30m, then fail  ← poll (or skipped)",
    ):
        assert line in told


def test_a_tree_tells_whose_end_starts_a_run() -> None:
    trigger = p.Trigger("after", "run_terminal", {"workflow": "build", "statuses": ["failed"]})
    assert "trigger after: run_terminal build" in render_tree(
        draw(program(task("a"), triggers=(trigger,)))
    )


def test_ascii_is_ascii() -> None:
    assert render_tree(BAD, ascii_only=True).isascii()


def test_nothing_a_terminal_obeys_is_drawn() -> None:
    for drawn in (render_tree(BAD), render_text(BAD, "TB")[0], render_svg(BAD, "TB")):
        assert "\x07" not in drawn


def test_only_edges_that_the_path_takes_are_critical() -> None:
    document = to_document(SCOPES["whole"])
    marked = [(edge["from"], edge["to"]) for edge in document["edges"] if edge["critical"]]
    assert marked == [
        ("load", "review"), ("review", "gate"), ("gate", "post"), ("post", "child"),
        ("child", "plan"), ("plan", "again"),
    ]  # fmt: skip
