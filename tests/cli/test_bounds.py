"""`dagnats bounds` as it is typed: the page, the document, and what has grown."""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli import versions
from dagnats.cli.main import main
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import encode, to_document

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
REVIEW = "examples/review-pr/workflow.yaml"
CRAWL = """\
name: crawl
timeout: 7d
budget: {usd: 20}
input: {type: object, required: [more], properties: {more: {type: boolean}}}
steps:
  - {id: list, task: web.list, timeout: 30s, queue_timeout: 1m}
  - id: pages
    type: map
    task: web.fetch
    timeout: 10s
    queue_timeout: 5m
    config: {over: steps.list.output, max_items: 1000, max_concurrency: 20}
  - id: refine
    type: loop
    depends_on: [pages]
    config:
      max_iterations: 5
      delay: 1m
      steps: [{id: ask, task: agent.ask, timeout: 1m, queue_timeout: 1m}]
  - id: again
    type: continue_as_new
    when: input.more
    depends_on: [refine]
    config: {input: {more: true}, max_generations: 30}
"""
FEWER = CRAWL.replace("max_items: 1000", "max_items: 500")
UNBOUNDED = CRAWL.replace("max_items: 1000, ", "")


@pytest.fixture(autouse=True)
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def bounds(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["bounds", *words])
    out, err = capsys.readouterr()
    return code, out, err


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("DAGNATS_BLESS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "run `make bless`"


def written(tmp_path: Path, text: str, name: str = "w.yaml") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_the_page_of_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = bounds(capsys, REVIEW)
    assert (code, err) == (0, "")
    golden("bounds-review-pr.txt", out)


def test_the_page_of_a_run_in_generations(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, CRAWL, "crawl.yaml")
    monkeypatch.chdir(tmp_path)
    code, out, _ = bounds(capsys, "crawl.yaml")
    assert code == 0
    golden("bounds-crawl.txt", out)


def test_a_loop_waits_once_less_than_it_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sleep = "{id: n, type: sleep, config: {duration: 1m}}"
    loop = f"{{id: l, type: loop, config: {{max_iterations: 7, delay: 1h, steps: [{sleep}]}}}}"
    _, out, _ = bounds(capsys, written(tmp_path, f"name: n\nsteps:\n  - {loop}\n"))
    assert "1h1m·l.max_iterations - 1h" in out


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = bounds(capsys, REVIEW, "--json")
    assert (code, err) == (0, "")
    golden("bounds-review-pr.json", out)
    found = json.loads(out)
    program = compile_workflow((ROOT / REVIEW).read_text()).program
    assert program is not None
    for name in program.certificate.__struct_fields__:
        bound = getattr(program.certificate, name)
        assert found[name]["max"] == bound.max
        assert found[name]["symbolic"] == bound.symbolic
        assert found[name]["dominant_step"] == bound.dominant_step


def test_the_document_of_a_run_in_generations(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = json.loads(bounds(capsys, written(tmp_path, CRAWL), "--json")[1])
    assert found["generations"]["max"] == 30
    in_all = found["generations"]["in_all"]
    assert in_all["events"] == 30 * found["events"]["max"]
    assert in_all["concurrent_steps"] == found["concurrent_steps"]["max"]
    assert in_all["usd"] == 20
    assert found["sizes"]["pages.max_items"] == 1000


def test_compiled_ir_is_as_good_as_a_document(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = compile_workflow(CRAWL).program
    assert program is not None
    ir = written(tmp_path, encode(program).decode(), "w.ir.json")
    one = json.loads(bounds(capsys, ir, "--json")[1])
    other = json.loads(bounds(capsys, written(tmp_path, CRAWL), "--json")[1])
    assert one["events"]["max"] == other["events"]["max"]


def test_what_has_no_bound_has_no_certificate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = bounds(capsys, written(tmp_path, UNBOUNDED))
    assert (code, out) == (1, "")
    assert "DN6001" in err
    assert "add `max_items: 100` to its `config`" in err


def test_what_has_grown_is_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    new, old = written(tmp_path, CRAWL), written(tmp_path, FEWER, "old.yaml")
    code, out, err = bounds(capsys, new, "--against", old)
    assert code == 1
    assert "BEFORE" in out
    assert err.count("DN6005") == 4
    assert "attempts: 1,006 at the most, 506 before" in err
    assert bounds(capsys, old, "--against", new)[0] == 0
    assert bounds(capsys, new, "--against", new)[0] == 0


def test_what_has_grown_as_a_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    new, old = written(tmp_path, CRAWL), written(tmp_path, FEWER, "old.yaml")
    code, out, _ = bounds(capsys, new, "--against", old, "--json")
    found = json.loads(out)
    assert code == 1
    assert found["grown"] == ["attempts", "events", "bytes", "duration_ms"]
    assert found["against"]["attempts"] == 506


def test_a_budget_that_is_gone_counts_as_grown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    new = written(tmp_path, CRAWL.replace("budget: {usd: 20}\n", ""))
    old = written(tmp_path, CRAWL, "old.yaml")
    code, _, err = bounds(capsys, new, "--against", old)
    assert code == 1
    assert "dollars: not declared any more, 20 before" in err


def test_against_what_is_registered(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = compile_workflow(FEWER).program
    assert program is not None

    class Client:
        async def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
            assert (operation, parameters) == ("workflow.show", {"name": "crawl"})
            return {"name": "crawl", "program": to_document(program)}

    @contextlib.asynccontextmanager
    async def connected(*_: object) -> AsyncIterator[Client]:
        yield Client()

    monkeypatch.setattr(versions, "connected", connected)
    code, _, err = bounds(capsys, written(tmp_path, CRAWL), "--against", "crawl")
    assert code == 1
    assert err.count("DN6005") == 4


def test_ten_thousand_steps_are_shown_at_once() -> None:
    """After compilation there is nothing left that grows: nine bounds are shown."""
    import sys

    from dagnats.cli.bounds import render, to_document

    def calls(count: int) -> int:
        steps = "".join(f"  - {{id: s{n}, task: t}}\n" for n in range(count))
        program = compile_workflow(f"name: w\nsteps:\n{steps}").program
        assert program is not None
        found = 0

        def tell(_frame: Any, event: str, _arg: Any) -> None:
            nonlocal found
            found += event == "call"

        sys.setprofile(tell)
        try:
            render(program, "w.yaml")
            to_document(program)
        finally:
            sys.setprofile(None)
        return found

    assert calls(400) <= 2.1 * calls(200)
