"""Plans as programs: what a planner gave, compiled and stored with the run, made ready to run."""

from typing import Any

import msgspec

from dagnats.ir import codec
from dagnats.machine.prepared import FRAGMENTS_MAX, Prepared, prepare

_encode = msgspec.json.Encoder().encode


def fragment(program: Prepared, plan: dict[str, Any]) -> Prepared:
    """Return the program of a plan `{"digest", "program"}`; `program` remembers the last ones."""
    digest = plan["digest"]
    found = program.fragments.get(digest)
    if found is None:
        found = prepare(codec.load(_encode(plan["program"])), digest)
        remember(program, found)
    return found


def remember(program: Prepared, plan: Prepared) -> None:
    """Keep a plan ready to run."""
    if len(program.fragments) >= FRAGMENTS_MAX:
        del program.fragments[next(iter(program.fragments))]
    program.fragments[plan.digest] = plan
