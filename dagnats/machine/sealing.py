"""References to stored values as expressions see them: they hand them on and do not look into them.

`steps.fetch.output` may be a reference (`dagnats.claims`). To an expression that is a value without
fields, size or text; to look at it is an error that says what to do. Only whole outputs, inputs,
items and loop states are sealed: a reference deeper inside of one is told when something fails.
"""

from itertools import islice
from typing import Any

from dagnats.claims import KEY, Claim, claimed, found_in
from dagnats.expr.kinds import Sealed
from dagnats.expr.library.values import name_of

_ALONE = ("input", "item", "event")


def seal(view: dict[str, Any]) -> bool:
    """Seal the references among the roots of an expression, in place; returns whether any is."""
    sealed = False
    steps = view.get("steps")
    if steps:
        for step in steps.values():
            output = step.get("output")
            if type(output) is dict and KEY in output:
                step["output"] = Sealed(output)
                sealed = True
    for name in _ALONE:
        value = view.get(name)
        if type(value) is dict and KEY in value:
            view[name] = Sealed(value)
            sealed = True
    loop = view.get("loop")
    if loop is not None and type(loop["state"]) is dict and KEY in loop["state"]:
        view["loop"] = loop | {"state": Sealed(loop["state"])}
        sealed = True
    return sealed


def unseal(value: Any) -> Any:
    """Return what an expression gave with the references themselves."""
    kind = type(value)
    if kind is Sealed:
        return value.value
    if kind is list:
        return [unseal(part) for part in value]
    if kind is dict:
        return {key: unseal(part) for key, part in value.items()}
    return value


def explained(view: dict[str, Any], wrong: str) -> str:
    """Return what went wrong in an expression, and that a value it reads is in the store."""
    for root, value in _read(view):
        inner = value.value if type(value) is Sealed else value
        for claim in islice(found_in(inner), 1):
            what = root if type(value) is Sealed else f"a part of {root}"
            return (
                f"{wrong}; {what} {_stored(claim)}: let its task give what is looked at beside it, "
                "or hand the whole to a task"
            )
    return wrong


def _read(view: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return what an expression may have looked at, with how to name it."""
    steps = view.get("steps") or {}
    found = [(f"the output of step `{name}`", step.get("output")) for name, step in steps.items()]
    found += [(f"`{name}`", view[name]) for name in _ALONE if name in view]
    if view.get("loop") is not None:
        found.append(("`loop.state`", view["loop"]["state"]))
    return found


def _stored(claim: Claim) -> str:
    return f"is a stored value of {claim.bytes:,} bytes, which expressions cannot look into"


def named(value: Any) -> str:
    """Return what a value is, as messages about one of a wrong type say it."""
    claim = claimed(value)
    if claim is not None:
        return f"a stored value of {claim.bytes:,} bytes, which cannot be looked into"
    return f"a value of type {name_of(value)}"
