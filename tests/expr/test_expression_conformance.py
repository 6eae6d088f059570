"""Runs cases of the CEL specification's suite, read from outside the project."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.check import check
from dagnats.expr.evaluate import EvaluationError, prepare
from dagnats.expr.parser import Origin, parse_expression
from dagnats.expr.types import DYN
from dagnats.expr.values import equal

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
CORE = {
    "basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic",
    "macros", "namespace", "parse", "plumbing", "string", "timestamps",
}  # fmt: skip


class ForeignError(Exception):
    """A value that JSON does not have."""


def cases() -> list[dict[str, Any]] | None:
    folder = os.environ.get("DAGNATS_CONFORMANCE")
    default = Path(__file__).parents[3] / "shared" / "conformance"
    path = Path(folder) if folder else default
    file = path / "cel-dev.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def value(tagged: dict[str, Any]) -> Any:
    ((tag, held),) = tagged.items()
    match tag:
        case "null" | "bool" | "string":
            return held
        case "int":
            return int(held)
        case "double":
            return float(held)
        case "list":
            return [value(item) for item in held]
        case "map":
            pairs = [(value(key), value(item)) for key, item in held]
            if any(type(key) is not str for key, _ in pairs):
                raise ForeignError
            return dict(pairs)
        case _:
            raise ForeignError


def passes(case: dict[str, Any]) -> bool:
    expect = case["expect"]
    try:
        bindings = {name: value(tagged) for name, tagged in case.get("bindings", {}).items()}
        wanted = value(expect["value"]) if "value" in expect else True
    except ForeignError:
        return False
    if "type" in expect or any("." in name for name in bindings):
        return False
    sink = Sink()
    parsed = parse_expression(case["expr"], ORIGIN, sink)
    if parsed is None:
        return "error" in expect
    if not case.get("disable_check"):
        declared = {d["name"]: DYN for d in case.get("declarations", []) if "type" in d}
        check(parsed.expr, parsed.spans, dict.fromkeys(bindings, DYN) | declared, sink, where="")
        if sink.has_errors:
            return "error" in expect
    try:
        found = prepare(parsed.expr)(bindings)
    except EvaluationError:
        return "error" in expect
    return "error" not in expect and type(found) is type(wanted) and equal(found, wanted)


# Raise these with every case gained; they may never fall.
CORE_PASSING = 414
ALL_PASSING = 602


def test_no_fewer_cases_of_the_specification_pass_than_before():
    suite = cases()
    if suite is None:
        pytest.skip(
            "the specification's cases are not here; DAGNATS_CONFORMANCE names their folder"
        )
    passing = [case["file"] for case in suite if passes(case)]
    assert (sum(file in CORE for file in passing), len(passing)) >= (CORE_PASSING, ALL_PASSING)
