"""Looks for expressions that break a promise: one try is all of the way from text to value.

    python -m tests.expr.fuzz [--seconds 300] [--seed N]

Promises: whatever the text, compiling ends or raises CompileError; whatever the data, evaluating
gives a JSON value or raises EvaluationError; both tiers of the evaluator agree; what is counted
lies within the bounds of the cost; the value has the type that was deduced. A try is made from
`SEED/NUMBER` alone, which is printed when it breaks a promise.
"""

import argparse
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dagnats import expr
from dagnats.expr import kinds
from dagnats.expr import types as t
from tests.expr import sentences
from tests.expr.conformance import tagged
from tests.expr.typed_sentences import UNTYPED, VARIABLES, data, mutated, sentence, soup, value

FAILURES_MAX = 20
TYPED = expr.Environment(variables=VARIABLES)
DYNAMIC = expr.Environment(variables={**UNTYPED, **dict.fromkeys(sentences.ROOTS, expr.DYN)})


class BrokenPromiseError(Exception):
    """Something that may not happen did."""


def compiled(text: str, environment: expr.Environment, *, check: bool = True) -> Any:
    """Return a program, or None for a text that does not compile."""
    try:
        return environment.compile(text, check=check)
    except expr.CompileError as error:
        if not error.diagnostics or not str(error):
            raise BrokenPromiseError("a refusal says nothing") from error
        return None


def attempt(text: str, roots: dict[str, Any], environment: expr.Environment) -> bool:
    """Take a text all the way; whether it gave a value. Raises what may not happen."""
    program = compiled(text, environment)
    unchecked = compiled(text, environment, check=False)
    if unchecked is not None:
        tiers(unchecked, roots)
    if program is None:
        return False
    if unchecked is None:
        raise BrokenPromiseError("compiles only with the check")
    given = tiers(program, roots)
    if given is None:
        return False
    if not fits(given[0], program.type):
        raise BrokenPromiseError(f"{tagged(given[0])} is no {expr.cel_name(program.type)}")
    try:
        json.dumps(program.evaluate(roots), allow_nan=False)
    except expr.EvaluationError:
        return False  # what JSON cannot hold does not leave
    return True


def tiers(program: expr.Program, roots: dict[str, Any]) -> tuple[Any] | None:
    """Return the value in a tuple, None for a failure; raises when the tiers do not agree."""
    try:
        fast: Any = (program.value(roots),)
    except expr.EvaluationError as error:
        fast = error.code
    try:
        counted, cost = program.counted(roots)
    except expr.EvaluationError as error:
        if isinstance(fast, tuple):
            raise BrokenPromiseError(f"{tagged(fast[0])}, when counted {error}") from error
        return None
    if not isinstance(fast, tuple):
        raise BrokenPromiseError(f"fails ({fast}), when counted {tagged(counted)}")
    if tagged(fast[0]) != tagged(counted):
        raise BrokenPromiseError(f"{tagged(fast[0])}, when counted {tagged(counted)}")
    if not program.cost.min <= cost <= program.cost.max:
        raise BrokenPromiseError(f"costs {cost}: {program.cost}")
    return (counted,)


SCALARS: dict[type, tuple[type, ...]] = {
    t.Null: (type(None),),
    t.Bool: (bool,),
    t.Int: (int,),
    t.Uint: (kinds.Uint,),
    t.Double: (float,),
    t.String: (str,),
    t.Bytes: (bytes,),
    t.Timestamp: (kinds.Timestamp,),
    t.Duration: (kinds.Duration,),
    t.TypeOf: (kinds.TypeValue,),
    t.Abstract: (kinds.Address, kinds.Network),
}


def fits(found: Any, type_: t.Type) -> bool:
    """Whether a value is of a type. JSON writes doubles without a fraction as integers."""
    match type_:
        case t.Dyn():
            return True
        case t.Union(members=members):
            return any(fits(found, member) for member in members)
        case t.Enum(values=values):
            return found in values
        case t.List(elem=elem):
            return isinstance(found, list) and all(fits(item, elem) for item in found)
        case t.Map(value=held):
            return isinstance(found, dict) and all(fits(item, held) for item in found.values())
        case t.Object(fields=fields):
            return isinstance(found, dict) and all(
                fits(found[name], of) if name in found else not required
                for name, (of, required) in fields.items()
            )
        case t.Optional(of=of):
            if isinstance(found, kinds.Present):
                return fits(found.value, of)
            return found is kinds.NONE
        case t.Double() if type(found) is int:
            return True
        case _:
            return type(found) in SCALARS.get(type(type_), ())


def any_data(chance: random.Random) -> dict[str, Any]:
    """Return values for all variables that texts are made of."""
    return {name: value(chance, expr.DYN) for name in sentences.ROOTS} | data(chance)


def made(chance: random.Random) -> tuple[str, dict[str, Any], expr.Environment]:
    """Return a text, data, and the environment to take it through."""
    roots = any_data(chance)
    kind = chance.random()
    if kind < 0.05:
        return soup(chance), roots, DYNAMIC
    if kind < 0.25:
        return sentences.sentence(chance, chance.randrange(1, 30)), roots, DYNAMIC
    typed = chance.random() < 0.6
    text = sentence(chance, typed=typed)
    if kind < 0.4:
        text = mutated(chance, text)
    return text, roots, TYPED if typed else DYNAMIC


def main(arguments: Sequence[str] | None = None) -> int:
    """Try until the time is over or too much is broken; 1 when anything was."""
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(2**32)))
    parser.add_argument("--one", type=int, help="only the try of this number")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", file=sys.stderr)
    until = time.monotonic() + options.seconds
    number = options.one or 0
    gave = 0
    broken: Counter[str] = Counter()
    while len(broken) < FAILURES_MAX and time.monotonic() < until:
        text, roots, environment = made(random.Random(f"{options.seed}/{number}"))
        try:
            gave += attempt(text, roots, environment)
        except Exception as error:  # noqa: BLE001 (anything that gets here is a finding)
            kind = f"{type(error).__name__} in {place(error)}"
            broken[kind] += 1
            if broken[kind] == 1:
                used = {name: roots[name] for name in roots if name in text}
                print(f"--seed {options.seed} --one {number}: {kind}: {error}")
                print(f"    {text}\n    {json.dumps(used, ensure_ascii=False)}", flush=True)
        number += 1
        if options.one is not None:
            break
    for kind, count in broken.items():
        print(f"{count} times {kind}", file=sys.stderr)
    print(f"{number} tries, {gave} gave a value, {broken.total()} broke a promise", file=sys.stderr)
    return 1 if broken else 0


def place(error: Exception) -> str:
    """Return where something broke, in our own files."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame for frame in frames if frame.filename.endswith(".py") and "dagnats" in frame.filename
    ]
    frame = (own or frames)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"


if __name__ == "__main__":
    sys.exit(main())
