"""The cases of the CEL specification, read from outside the project, and the runner of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dagnats import expr
from dagnats.expr import kinds
from tests.expr import conformance, guide

PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"


def shared() -> Path:
    folder = os.environ.get("DAGNATS_CONFORMANCE")
    default = Path(__file__).parents[3] / "shared" / "conformance"
    return (Path(folder) if folder else default) / "cel-dev.json"


@pytest.fixture(scope="module")
def cases() -> list[conformance.Case]:
    if not shared().exists():
        pytest.skip(
            "the specification's cases are not here; DAGNATS_CONFORMANCE names their folder"
        )
    return conformance.load(shared())


@pytest.fixture(scope="module")
def outcomes(cases: list[conformance.Case]) -> list[conformance.Outcome]:
    return [conformance.outcome(case) for case in cases]


def test_every_core_case_passes(outcomes: list[conformance.Outcome]) -> None:
    core = [one for one in outcomes if one.file in conformance.CORE]
    assert core
    assert not [(one.name, one.wrong) for one in core if not one.passed]


def test_as_many_cases_pass_as_promised(outcomes: list[conformance.Outcome]) -> None:
    assert conformance.enough(conformance.summary(outcomes))


def test_the_guide_lists_what_is_missed(outcomes: list[conformance.Outcome]) -> None:
    listed = {
        line.split("`")[1] for line in guide.part(PAGE.read_text(), "misses").splitlines()[2:]
    }
    missed = {one.name for one in outcomes if not one.passed}
    assert listed & {one.name for one in outcomes} == missed


def test_counting_changes_nothing_and_stays_in_bounds(cases: list[conformance.Case]) -> None:
    broken = []
    for case in cases:
        try:
            program, bindings = conformance.program_of(case)
            value = program.value(bindings)
        except (expr.CompileError, expr.EvaluationError):
            continue
        counted, cost = program.counted(bindings)
        same = conformance.tagged(counted) == conformance.tagged(value)
        if not same or not program.cost.min <= cost <= program.cost.max:
            broken.append((case["name"], cost, program.cost))
    assert not broken


def case(text: str, expect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"file": "f", "section": "s", "name": "n", "expr": text, "expect": expect, **more}


VALUES = [
    {"null": None},
    {"bool": True},
    {"int": "-9223372036854775808"},
    {"uint": "18446744073709551615"},
    {"double": "NaN"},
    {"double": "-Infinity"},
    {"double": "-0.0"},
    {"string": "é"},
    {"bytes": "ff00"},
    {"list": [{"int": "1"}, {"double": "1.0"}]},
    {"map": [[{"bool": True}, {"int": "1"}], [{"int": "1"}, {"uint": "1"}]]},
    {"type": "google.protobuf.Timestamp"},
    {"duration": [-1, -500_000_000]},
    {"timestamp": [-62_135_596_800, 999_999_999]},
]


@pytest.mark.parametrize("tagged", VALUES, ids=lambda one: next(iter(one)))
def test_a_tagged_value_comes_back_as_it_was(tagged: dict[str, Any]) -> None:
    assert conformance.tagged(conformance.untagged(tagged)) == tagged


PASSING = [
    case("1 + 1", {"value": {"int": "2"}}),
    case("1 == 1", {}),
    case("0.0 / 0.0", {"value": {"double": "NaN"}}),
    case("{2: 'b', 1: 'a'}", {"value": {"map": [
        [{"int": "1"}, {"string": "a"}], [{"int": "2"}, {"string": "b"}]
    ]}}),
    case("1 +", {"error": ["a syntax error"]}),
    case("1 + 'a'", {"error": ["no such overload"]}),
    case("1 / 0", {"error": ["division by zero"]}),
    case("a.b.c", {"value": {"int": "1"}}, bindings={"a.b.c": {"int": "1"}}),
    case("y", {"value": {"int": "1"}}, bindings={"x.y": {"int": "1"}}, container="x"),
    case("nope || true", {"value": {"bool": True}}, disable_check=True),
    case("x", {"type": "list(int)"}, check_only=True,
         declarations=[{"name": "x", "type": "list(int)"}]),
    case("[f(1)]", {"type": "list(tuple(int))"}, check_only=True, declarations=[
        {"name": "f", "overloads": [{"id": "f", "params": ["T"], "result": "tuple(T)"}]}
    ]),
    case("1.f('a')", {"type": "bool"}, check_only=True, declarations=[{"name": "f", "overloads": [
        {"id": "f", "params": ["int", "string"], "result": "bool", "method": True}
    ]}]),
    case("[1]", {"type": "list(int)", "value": {"list": [{"int": "1"}]}}),
]  # fmt: skip
FAILING = [
    case("1", {"value": {"uint": "1"}}),
    case("1", {"value": {"double": "1.0"}}),
    case("true", {"value": {"int": "1"}}),
    case("0.0", {"value": {"double": "-0.0"}}),
    case("[1, 2]", {"value": {"list": [{"int": "2"}, {"int": "1"}]}}),
    case("1", {"error": ["anything"]}),
    case("nope || true", {"value": {"bool": True}}),
    case("[1]", {"type": "list(dyn)"}),
    case("[1]", {"type": "list(int)", "value": {"list": []}}),
    case("1", {"value": {"color": "red"}}),
]


@pytest.mark.parametrize("one", PASSING, ids=lambda one: one["expr"])
def test_a_case_passes(one: dict[str, Any]) -> None:
    assert conformance.outcome(one).wrong is None


@pytest.mark.parametrize("one", FAILING, ids=lambda one: f"{one['expr']} {one['expect']}")
def test_a_case_fails(one: dict[str, Any]) -> None:
    assert not conformance.outcome(one).passed


def test_a_crash_is_a_failure_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "found", lambda _: 1 / 0)
    assert "CRASH ZeroDivisionError" in (conformance.outcome(case("1", {})).wrong or "")


def written(path: Path, cases: Any) -> str:
    path.write_text(cases if isinstance(cases, str) else json.dumps(cases), encoding="utf-8")
    return str(path)


def test_the_last_line_is_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = conformance.main([written(tmp_path / "c.json", [*PASSING[:2], FAILING[0]])])
    out, err = capsys.readouterr()
    counts = {"passed": 2, "failed": 1, "by_file": {"f": [2, 3]}}
    assert (code, json.loads(out.splitlines()[-1])) == (1, counts)
    assert err.startswith("f/s/n: 1\n    expected ")


def test_all_passing_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main([written(tmp_path / "c.json", PASSING)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", [None, "{", "{}", "[1]", '[{"file": "f"}]'])
def test_what_is_no_file_of_cases_is_2(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.json"
    assert conformance.main([written(path, text) if text else str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert str(path) in err


def test_one_core_case_missed_is_not_enough() -> None:
    counts = {"passed": 9999, "failed": 1, "by_file": {"basic": [9, 10], "x": [9990, 9990]}}
    assert not conformance.enough(counts)
    assert conformance.enough(counts | {"by_file": {"basic": [10, 10], "x": [9989, 9990]}})


def test_a_uint_is_not_taken_for_an_int() -> None:
    assert conformance.tagged(kinds.Uint(1)) != conformance.tagged(1)
