"""`eval`: try an expression on some data. Imports neither network nor typer."""

import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from dagnats.cli import output
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats import expr
    from dagnats.diagnostics.diagnostic import Diagnostic

NAME = "<expression>"
INPUT = "input"
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
RESERVED = frozenset({"in", "true", "false", "null"})
NOT_AN_OPTION = re.compile(r"-[^A-Za-z-]")
"""How an expression may begin with a minus and still be told from an option."""


class Asked(Struct, frozen=True):
    """What a command line asks for. Data are JSON, `@FILE`, or `@-` for standard input."""

    text: str
    input: str | None = None
    schema: str | None = None
    variables: Sequence[str] = ()
    show_type: bool = False
    show_cost: bool = False
    as_json: bool = False
    strict: bool = False


class Reader(Struct):
    """Reads what is given as text, `@FILE` or `@-`; standard input only once."""

    _stdin_for: str | None = field(default=None)

    def expression(self, text: str) -> str:
        """Return the expression, from standard input for `-`."""
        return self._stdin("the expression") if text == "-" else text

    def json(self, given: str, what: str) -> Any:
        """Return what is given as JSON for an option; raises UsageError."""
        if given == "@-":
            return parsed(self._stdin(what), what)
        if given.startswith("@"):
            return parsed(_file(given[1:]), f"`{given[1:]}`")
        return parsed(given, what)

    def _stdin(self, what: str) -> str:
        if self._stdin_for is not None:
            raise UsageError(f"standard input is read for {self._stdin_for} already")
        self._stdin_for = what
        return _decoded(sys.stdin.buffer.read(), "standard input")


def _file(name: str) -> str:
    try:
        return _decoded(Path(name).read_bytes(), f"`{name}`")
    except OSError as wrong:
        raise UsageError(f"cannot read `{name}`: {wrong.strerror or wrong}") from wrong


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise UsageError(f"{what} is not UTF-8: byte {wrong.start} is {wrong.reason}") from wrong


def parsed(text: str, what: str) -> Any:
    """Return JSON whose numbers an expression can hold; raises UsageError."""
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_int=_integer, parse_float=_double
        )
    except ValueError as wrong:
        raise UsageError(f"{what} is not JSON: {wrong}") from wrong
    except RecursionError as wrong:
        raise UsageError(f"{what} is nested too deeply") from wrong


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} has no place in JSON")


def _integer(text: str) -> int:
    # The digits are counted first: Python refuses to read thousands of them.
    number = int(text) if len(text) <= len(str(INT_MIN)) else INT_MAX + 1
    if not INT_MIN <= number <= INT_MAX:
        raise ValueError(f"the integer {text[:24]} does not fit in 64 bits")
    return number


def _double(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:24]} is beyond what a double holds")
    return number


def evaluate(asked: Asked) -> int:
    """Print the value of an expression; returns 1 when it does not compile or fails."""
    from dagnats import expr

    reader = Reader()
    text = reader.expression(asked.text)
    roots, types = data(asked, reader)
    try:
        program = expr.Environment(variables=types, strict=asked.strict).compile(text)
    except expr.CompileError as error:
        code = refuse(error.diagnostics, text, as_json=asked.as_json)
        if INPUT not in types and any(f"`{INPUT}`" in d.message for d in error.diagnostics):
            output.say("help: `--input` says what `input` is")
        return code
    show(program.diagnostics, text, sys.stderr)
    if asked.input is None and INPUT in types:
        return unevaluated(program, asked)
    try:
        value = program.evaluate(roots)
        counted = program.counted(roots)[1] if asked.show_cost or asked.as_json else None
    except expr.EvaluationError as error:
        return refuse((failure(error, program),), text, as_json=asked.as_json)
    if asked.as_json:
        written({"value": value, "type": named(program), "cost": costs(program, counted)})
        return 0
    written(value)
    sys.stdout.flush()
    for line in facts(program, asked, counted):
        output.say(line)
    return 0


def data(asked: Asked, reader: Reader) -> tuple[dict[str, Any], "dict[str, expr.Type]"]:
    """Return the values of the variables, and their types.

    `input` is the document given; the keys of an object are variables, too, so that `{"input": …,
    "steps": …}` stands for all that a workflow's expression sees. `--var` comes on top.
    """
    from dagnats import expr

    roots: dict[str, Any] = {}
    types: dict[str, expr.Type] = {}
    schema = None if asked.schema is None else reader.json(asked.schema, "the schema")
    if asked.input is not None:
        given = reader.json(asked.input, "the input")
        roots = {INPUT: given} | (_variables(given) if isinstance(given, dict) else {})
        types = dict.fromkeys(roots, expr.DYN)
    if asked.schema is not None:
        fitting(schema, roots)
        types[INPUT] = expr.from_json_schema(schema)
    for given in asked.variables:
        name, equals, value = given.partition("=")
        if not equals or not VARIABLE.fullmatch(name) or name in RESERVED:
            raise UsageError(f"`{given}` is not NAME=JSON")
        roots[name] = reader.json(value, f"`{name}`")
        types[name] = expr.DYN
    return roots, types


def _variables(document: dict[str, Any]) -> dict[str, Any]:
    """Return what of an object can be a variable, and hides no type or namespace."""
    from dagnats.expr.functions import NAMESPACES

    taken = RESERVED | NAMESPACES | TYPES
    return {
        key: value
        for key, value in document.items()
        if key not in taken and VARIABLE.fullmatch(key)
    }


TYPES = frozenset({
    "int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type",
    "optional_type", "timestamp", "duration", "google", "net",
})  # fmt: skip
"""Names of types: a key of the data that is called so is reached through `input` only."""


def fitting(schema: Any, roots: dict[str, Any]) -> None:
    """Raise UsageError unless the schema is one, and the input, if there is one, fits it."""
    from dagnats.source.shape import check_schema, check_value

    if wrong := check_schema(schema):
        raise UsageError(f"the schema is none: {wrong}")
    if INPUT in roots and (complaints := check_value(schema, roots[INPUT])):
        raise UsageError("the input does not fit the schema:\n  " + "\n  ".join(complaints))


def unevaluated(program: "expr.Program", asked: Asked) -> int:
    """Print what can be said of an expression without data."""
    if asked.as_json:
        written({"type": named(program), "cost": costs(program, None)})
        return 0
    lines = facts(program, asked, None)
    if not lines:
        raise UsageError("there is nothing to evaluate on: add `--input`, `--type` or `--cost`")
    output.result("\n".join(lines))
    return 0


def facts(program: "expr.Program", asked: Asked, counted: int | None) -> list[str]:
    """Return the lines that `--type` and `--cost` ask for."""
    lines = []
    if asked.show_type:
        lines.append(f"type: {named(program)}")
    if asked.show_cost:
        bounds = f"at least {program.cost.min:,}, at most {program.cost.max:,}"
        lines.append(f"cost: {bounds}" if counted is None else f"cost: {counted:,} ({bounds})")
    return lines


def named(program: "expr.Program") -> str:
    """Return the deduced type as CEL writes it."""
    from dagnats import expr

    return expr.cel_name(program.type)


def costs(program: "expr.Program", counted: int | None) -> dict[str, int]:
    """Return the bounds of the cost, and what was counted if it was."""
    bounds = {"min": program.cost.min, "max": program.cost.max}
    return bounds if counted is None else bounds | {"counted": counted}


def failure(error: "expr.EvaluationError", program: "expr.Program") -> "Diagnostic":
    """Return a failed evaluation as a finding: its code is that of the failure."""
    from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic

    return Diagnostic(error.code, str(error), program.place(error) or whole(program) or NOWHERE)


def whole(program: "expr.Program") -> Any:
    """Return where the expression stands in its text."""
    return program.spans.get(program.expr.id)


def refuse(findings: "Sequence[Diagnostic]", text: str, *, as_json: bool) -> int:
    """Print why there is no value; returns 1."""
    if not as_json:
        show(findings, text, sys.stderr)
        return 1
    from dagnats.diagnostics import render
    from dagnats.diagnostics.catalog import CATALOG

    # The catalogue has what an author can do wrong in a document, not what data can be like.
    known = [d if d.code in CATALOG else replace(d, code="DN4001") for d in findings]
    document = render.render_json({NAME: known})
    for finding, shown in zip(findings, document["diagnostics"], strict=True):
        if finding.code not in CATALOG:
            shown |= {"code": finding.code, "url": "docs/expressions.md#errors"}
    written(document)
    return 1


def show(findings: "Sequence[Diagnostic]", text: str, stream: Any) -> None:
    """Print findings with the line that they are about, marked."""
    if not findings:
        return
    from dagnats.diagnostics import render

    colour = output.wants_colour(stream)
    print(render.render_full(findings, text, NAME, colour=colour).rstrip("\n"), file=stream)


def written(value: Any) -> None:
    """Print a value as JSON; half of a surrogate pair as the escape that it came from."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2)
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    output.result(text)


FLAGS = {"--type": "show_type", "--cost": "show_cost", "--json": "as_json", "--strict": "strict"}
VALUES = {"--input": "input", "--schema": "schema"}


def plain(words: Sequence[str]) -> Callable[[], int] | None:
    """Return what the words after `eval` ask for, or None when typer has to judge them."""
    texts: list[str] = []
    chosen: dict[str, Any] = {}
    variables: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in FLAGS:
            chosen[FLAGS[word]] = True
        elif word in VALUES or word in {"--var", "--vars"}:
            value = next(rest, None)
            if value is None:
                return None
            if word in VALUES:
                chosen[VALUES[word]] = value
            else:
                variables.append(value)
        elif word == "-" or not word.startswith("-") or NOT_AN_OPTION.match(word):
            texts.append(word)
        else:
            return None
    if len(texts) != 1:
        return None
    return lambda: evaluate(Asked(texts[0], variables=variables, **chosen))
