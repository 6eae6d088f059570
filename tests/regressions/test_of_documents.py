"""What the Go dagnats gets wrong with documents: crashes, silence, places that are not told."""

import json
from pathlib import Path

import pytest

from dagnats.cli.main import main
from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.diagnostics.diagnostic import Severity


def steps(*each: str, head: str = "") -> str:
    return f"dagnats: 1\nname: tried\n{head}steps:\n" + "".join(f"  - {{{one}}}\n" for one in each)


CRASHES = {
    "no name": "dagnats: 1\nname: ''\nsteps: [{id: a, task: t}]\n",
    "no id": steps("id: '', task: t"),
    "no task": steps("id: a, task: ''"),
    "a map without config": steps("id: a, type: map, task: t"),
    "a map with null for config": steps("id: a, type: map, task: t, config: null"),
    "an unknown type": steps("id: a, type: teleport, task: t"),
    "two limits of a rate": steps(
        "id: a, task: t, rate_limit: {limit: 1, period: 1s}, "
        "keyed_rate_limit: {key: input, limit: 1, period: 1s}"
    ),
    "a cron that is none": steps(
        "id: a, task: t", head="triggers: [{id: n, cron: {expression: '1,,2 * * * *'}}]\n"
    ),
    "a cron that is long": steps(
        "id: a, task: t",
        head=f"triggers: [{{id: n, cron: {{expression: '{'1,' * 200}1 * * * *'}}}}]\n",
    ),
    "a trigger of no kind": steps("id: a, task: t", head="triggers: [{id: n}]\n"),
    "a respond without config": steps("id: a, type: respond, config: ''"),
    "nothing": "",
    "no mapping": "[]",
}  # fmt: skip


@pytest.mark.parametrize("kind", CRASHES)
def test_what_ends_the_server_there_is_a_finding_with_a_place(kind: str) -> None:
    compiled = compile_workflow(CRASHES[kind], "w.yaml")
    assert compiled.program is None
    errors = [f for f in compiled.diagnostics if f.severity is Severity.ERROR]
    assert errors
    assert all(f.span.start.line >= 1 for f in errors)


def test_all_mistakes_are_told_at_once_each_with_its_place() -> None:
    text = steps(
        "id: a, task: t, timout: 5s",
        "id: b, task: t, depends_on: [nobody]",
        "id: a, task: t",
        "id: c, task: t, with: {n: '${{ input..x }}'}",
        "id: d, type: agent_loop, task: t, config: {}",
    )
    errors = [f for f in check_workflow(text).diagnostics if f.severity is Severity.ERROR]
    assert {f.span.start.line for f in errors} == {4, 5, 6, 7, 8}
    assert all(f.span.start.column > 1 for f in errors)


def test_a_circle_is_told_step_by_step() -> None:
    text = steps(
        "id: a, task: t, depends_on: [c]",
        "id: b, task: t, depends_on: [a]",
        "id: c, task: t, depends_on: [b]",
        "id: d, task: t",
    )
    [finding] = check_workflow(text).diagnostics
    assert all(f"`{step}`" in finding.message for step in "abc")
    assert "`d`" not in finding.message


@pytest.mark.parametrize(
    "text",
    [
        '{"$schema": "s.json", "dagnats": 1, "name": "a", "steps": [{"id": "a", "task": "t"}]}',
        "# yaml-language-server: $schema=s.json\ndagnats: 1\nname: a\nsteps: [{id: a, task: t}]\n",
    ],
)
def test_a_document_may_name_its_schema(text: str) -> None:
    assert compile_workflow(text, "w.json" if text[0] == "{" else "w.yaml").program is not None


@pytest.mark.parametrize(
    ("written", "ms"), [("90s", 90_000), ("1m30s", 90_000), ("90000000000", 90_000)]
)
def test_a_duration_says_its_unit_or_is_a_hint(written: str, ms: int) -> None:
    compiled = compile_workflow(steps(f"id: a, task: t, timeout: {written}"))
    assert compiled.program is not None
    assert compiled.program.nodes[0].timeout_ms == ms
    assert [f.code for f in compiled.diagnostics] == (["DN9001"] if written.isdigit() else [])


def test_a_key_that_is_not_read_is_never_dropped_in_silence() -> None:
    text = steps(
        "id: a, task: t, worker_grop: gpu",
        "id: b, task: t, retry: {max_retries: 1, jiter: 0.1}",
        head="trigger: {id: n, cron: {expression: '0 3 * * *'}}\n",
    )
    found = {f.span.start.line for f in check_workflow(text).diagnostics}
    assert found == {3, 5, 6}


@pytest.mark.parametrize("command", [["lint"], ["compile"]])
def test_an_invalid_document_is_1_as_json_too(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(steps("id: a, task: t, depends_on: [nobody]"))
    assert main([*command, str(path), "--json"]) == 1
    [finding] = json.loads(capsys.readouterr().out)["diagnostics"]
    assert finding["code"] == "DN3002"


def test_a_planned_step_cannot_ask_for_more_than_its_planner_may() -> None:
    text = steps("id: p, type: planner, task: t, config: {max_steps: 2, allowed_tasks: [look]}")
    compiled = compile_workflow(text)
    assert compiled.program is not None
    node = compiled.program.nodes[0]
    assert (node.allowed_tasks, node.allowed_types) == (("look",), ("normal",))


def test_a_workflow_that_runs_itself_is_refused() -> None:
    text = steps("id: again, type: sub_workflow, config: {workflow: tried}")
    assert "DN3016" in {f.code for f in check_workflow(text).diagnostics}
    assert compile_workflow(text).program is None
