"""Runs the CEL specification's cases, converted to JSON, against the library.

    python -m tests.expr.conformance CASES.json [--only FILE[/SECTION[/NAME]]]

A file is a JSON array of objects:

    file, section, name   where a case comes from; `file` groups the results
    expr                  the expression
    bindings              variable (its name may have dots) to tagged value
    declarations          {name, type} or {name, overloads: [{id, params, result, method}]}
    container             the prefix that names may be short of
    disable_check, check_only
    expect                {value}, {error: [...]} (any error counts), {type} maybe with {value}

Tagged values are {"int": "1"}, {"double": "NaN"}, {"bytes": hex}, {"map": [[key, value], …]},
{"timestamp": [seconds, nanos]} and so on: one key, the kind. What fails is named on stderr; the
last line on stdout is {"passed": n, "failed": n, "by_file": {file: [passed, total]}}. The exit
code is 0 when every core file passes whole and 99.3 % of all cases do, 1 when not, 2 when the
file cannot be read.
"""

import argparse
import json
import math
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagnats import expr
from dagnats.expr import kinds
from dagnats.expr.library.values import from_key, to_key

CORE = frozenset({
    "basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic",
    "macros", "namespace", "parse", "plumbing", "string", "timestamps",
})  # fmt: skip
SHARE_MIN = 0.993
SHOWN_CHARS_MAX = 200

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a case: nothing `wrong`, or what was expected and what came."""

    file: str
    name: str
    wrong: str | None = None

    @property
    def passed(self) -> bool:
        return self.wrong is None


class UnreadableError(Exception):
    """A file, or a part of a case, that is not in the format."""


def load(path: Path) -> list[Case]:
    """Return the cases of a file."""
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise UnreadableError(f"cannot read `{path}`: {reason}") from wrong
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise UnreadableError(f"`{path}` is not an array of cases")
    needed = {"file", "section", "name", "expr", "expect"}
    for number, case in enumerate(cases):
        if missing := needed - case.keys():
            raise UnreadableError(f"`{path}`: case {number} has no `{min(missing)}`")
    return cases


def untagged(tagged: Mapping[str, Any]) -> Any:
    """Return the CEL value that a tagged value stands for."""
    if len(tagged) != 1:
        raise UnreadableError(f"not a tagged value: {brief(tagged)}")
    ((tag, held),) = tagged.items()
    match tag:
        case "null" | "bool" | "string":
            return held
        case "int":
            return int(held)
        case "uint":
            return kinds.Uint(held)
        case "double":
            return float(held)
        case "bytes":
            return bytes.fromhex(held)
        case "list":
            return [untagged(item) for item in held]
        case "map":
            return {to_key(untagged(key)): untagged(value) for key, value in held}
        case "type":
            return kinds.TypeValue(held)
        case "duration":
            return kinds.Duration(nanoseconds(held))
        case "timestamp":
            return kinds.Timestamp(nanoseconds(held))
        case _:
            raise UnreadableError(f"no kind of value: `{tag}`")


def nanoseconds(parts: Sequence[int]) -> int:
    """Return seconds and nanoseconds as one number."""
    seconds, nanos = parts
    return int(seconds) * kinds.SECOND_NS + int(nanos)


def tagged(value: Any) -> dict[str, Any]:
    """Return a CEL value as the format writes it; keys of maps in one order.

    Optionals and addresses, which no case expects, are written in the same way.
    """
    match value:
        case None:
            return {"null": None}
        case bool():
            return {"bool": value}
        case kinds.Uint():
            return {"uint": str(int(value))}
        case int():
            return {"int": str(value)}
        case float():
            return {"double": number(value)}
        case str():
            return {"string": value}
        case bytes():
            return {"bytes": value.hex()}
        case list():
            return {"list": [tagged(item) for item in value]}
        case dict():
            pairs = [[tagged(from_key(key)), tagged(held)] for key, held in value.items()]
            return {"map": sorted(pairs, key=lambda pair: json.dumps(pair[0]))}
        case kinds.TypeValue():
            return {"type": value.name}
        case kinds.Duration():
            sign = -1 if value.ns < 0 else 1
            seconds, nanos = divmod(abs(value.ns), kinds.SECOND_NS)
            return {"duration": [sign * seconds, sign * nanos]}
        case kinds.Timestamp():
            return {"timestamp": list(divmod(value.ns, kinds.SECOND_NS))}
        case kinds.Address():
            return {"ip": str(value.ip)}
        case kinds.Network():
            return {"cidr": str(value.interface)}
        case kinds.Present():
            return {"optional": [tagged(value.value)]}
        case kinds.Absent():
            return {"optional": []}
        case _:
            raise TypeError(f"no value of CEL: {value!r}")


def number(value: float) -> str:
    """Return a double so that two are the same if and only if they are written the same."""
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"


def brief(value: Any) -> str:
    """Return something as a line that is not too long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"


def environment(case: Case, bindings: Mapping[str, Any]) -> expr.Environment:
    """Return what a case declares; what it only binds may be anything."""
    variables: dict[str, expr.Type] = dict.fromkeys(bindings, expr.DYN)
    functions = []
    for declared in case.get("declarations", ()):
        if "type" in declared:
            variables[declared["name"]] = expr.parse_type(declared["type"])
            continue
        overloads = tuple(
            expr.Overload(
                tuple(expr.parse_type(param) for param in overload["params"]),
                expr.parse_type(overload["result"]),
                method=bool(overload.get("method")),
            )
            for overload in declared["overloads"]
        )
        functions.append(expr.Function(declared["name"], "", unimplemented, overloads))
    return expr.Environment(
        variables=variables,
        functions=tuple(functions),
        container=case.get("container", ""),
        macros=not case.get("disable_macros", False),
    )


def unimplemented(*_: Any) -> Any:
    """Stand for a function that a case declares: the format has no implementations."""
    raise expr.EvaluationError("a declared function has no implementation", "missing")


def program_of(case: Case) -> tuple[expr.Program, dict[str, Any]]:
    """Return a case compiled, and its bindings; raises CompileError and UnreadableError."""
    bindings = {name: untagged(value) for name, value in case.get("bindings", {}).items()}
    compiled = environment(case, bindings).compile(
        case["expr"], check=not case.get("disable_check")
    )
    return compiled, bindings


def found(case: Case) -> dict[str, Any]:
    """Return what the library says to a case, in the form of `expect`."""
    try:
        program, bindings = program_of(case)
        result: dict[str, Any] = {}
        if "type" in case["expect"]:
            result["type"] = expr.cel_name(program.type)
        if not case.get("check_only"):
            result["value"] = tagged(program.value(bindings))
    except expr.CompileError as error:
        return {"error": [brief(diagnostic.message) for diagnostic in error.diagnostics]}
    except expr.EvaluationError as error:
        return {"error": [brief(str(error))]}
    return result


def wanted(case: Case) -> dict[str, Any]:
    """Return what a case expects, its value written as `tagged` writes it."""
    expect = case["expect"]
    if "error" in expect:
        return {"error": expect["error"]}
    result: dict[str, Any] = {}
    if "type" in expect:
        result["type"] = expr.cel_name(expr.parse_type(expect["type"]))
    if not case.get("check_only") and ("value" in expect or "type" not in expect):
        result["value"] = tagged(untagged(expect.get("value", {"bool": True})))
    return result


def outcome(case: Case) -> Outcome:
    """Return what becomes of one case; whatever it breaks is its own."""
    name = f"{case['file']}/{case['section']}/{case['name']}"
    try:
        expected, came = wanted(case), found(case)
    except UnreadableError as error:
        return Outcome(case["file"], name, f"cannot be run: {error}")
    except Exception as error:  # noqa: BLE001 (a crash of one case is a finding about that case)
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return Outcome(case["file"], name, f"CRASH {type(error).__name__}: {error} ({where})")
    came = came if "error" in came else {key: came[key] for key in expected if key in came}
    if came == expected or ("error" in came and "error" in expected):
        return Outcome(case["file"], name)
    return Outcome(case["file"], name, f"expected {brief(expected)}, got {brief(came)}")


def summary(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the counts, whole and by file."""
    by_file: dict[str, list[int]] = {}
    for one in outcomes:
        counts = by_file.setdefault(one.file, [0, 0])
        counts[0] += one.passed
        counts[1] += 1
    passed = sum(count for count, _ in by_file.values())
    failed = sum(total for _, total in by_file.values()) - passed
    return {"passed": passed, "failed": failed, "by_file": dict(sorted(by_file.items()))}


def enough(counts: Mapping[str, Any]) -> bool:
    """Whether every core file passes whole, and as many of all cases as promised."""
    total = counts["passed"] + counts["failed"]
    by_file = counts["by_file"].items()
    core = all(passed == of for file, (passed, of) in by_file if file in CORE)
    return core and counts["passed"] >= SHARE_MIN * total


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases of a file; return the exit code."""
    parser = argparse.ArgumentParser(prog="conformance", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cases", type=Path, metavar="CASES", help="a file of cases")
    parser.add_argument("--only", default="", metavar="PREFIX", help="FILE[/SECTION[/NAME]]")
    options = parser.parse_args(arguments)
    try:
        cases = load(options.cases)
    except UnreadableError as error:
        print(error, file=sys.stderr)
        return 2
    outcomes = []
    for case in cases:
        if not f"{case['file']}/{case['section']}/{case['name']}".startswith(options.only):
            continue
        one = outcome(case)
        outcomes.append(one)
        if not one.passed:
            print(f"{one.name}: {brief(case['expr'])}\n    {one.wrong}", file=sys.stderr)
    counts = summary(outcomes)
    sys.stderr.flush()
    print(json.dumps(counts))
    return 0 if enough(counts) else 1


if __name__ == "__main__":
    sys.exit(main())
