"""The closures that macros become: the exact tier of what repeats."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

from dagnats.expr.costing import costs
from dagnats.expr.evaluation.charges import Rules, size_within, too_much
from dagnats.expr.evaluation.closures import COST, UNSET, Frame, Run, at, charge, put
from dagnats.expr.kinds import NONE, Present
from dagnats.expr.library import lists, values
from dagnats.expr.library.values import EvaluationError

Passes = Callable[[Frame], Iterator[Any]]


class Macro(Struct, frozen=True):
    """A macro whose parts are closures: what it goes through, and where its variables are."""

    name: str
    node: int
    over: Run
    slot: int
    second: int | None
    guard: Run | None
    body: Run
    bound: tuple[int, int] | None
    rules: Rules


def comprehension(macro: Macro) -> Run:
    """Return the closure of a macro."""
    match macro.name:
        case "bind":
            return _bind(macro)
        case "optMap" | "optFlatMap":
            return _optional(macro)
        case "all" | "exists":
            return _quantified(macro, decisive=macro.name == "exists")
        case "exists_one":
            return _exists_one(macro)
        case "filter":
            return _filter(macro)
        case "sortBy":
            return _sort_by(macro)
        case "transformMap" | "transformMapEntry":
            return _transform_map(macro)
        case _:
            return _map(macro)


def _bind(macro: Macro) -> Run:
    """Leave the value to be worked out by whoever asks for it, see `closures.lazy`."""
    slot, body, start = macro.slot, macro.body, costs.LOOPS["bind"].start

    def run(frame: Frame) -> Any:
        frame[COST] += start
        frame[slot] = UNSET
        return body(frame)

    return run


def _optional(macro: Macro) -> Run:
    over, slot, body = macro.over, macro.slot, macro.body
    loop = costs.LOOPS[macro.name]
    wraps = macro.name == "optMap"

    def run(frame: Frame) -> Any:
        held = over(frame)
        frame[COST] += loop.start
        if held is NONE:
            frame[COST] += loop.left
            return held
        if type(held) is not Present:
            raise at(values.no_overload(macro.name, held), macro.node)
        frame[COST] += loop.taken
        frame[slot] = held.value
        value = body(frame)
        if wraps:
            return Present(value)
        if value is not NONE and type(value) is not Present:
            raise at(values.no_overload(macro.name, held, value), macro.node)
        return value

    return run


def _passes(macro: Macro) -> Passes:
    """Return what puts each element in its slot in turn; yields keys and indexes, or elements."""
    over, slot, second, bound, rules = (
        macro.over, macro.slot, macro.second, macro.bound, macro.rules,
    )  # fmt: skip
    loop, node, most = costs.LOOPS[macro.name], macro.node, rules.limits.cost_max

    def passes(frame: Frame) -> Iterator[Any]:
        container = over(frame)
        frame[COST] += loop.start
        if type(container) is not list and type(container) is not dict:
            raise at(values.no_overload(macro.name, container), node)
        if bound is not None:
            try:
                size_within(container, bound, rules.limits)
            except EvaluationError as error:
                raise at(error, node)  # noqa: B904 (the same error)
        firsts: Iterable[Any] = container if second is None else range(len(container))
        if type(container) is dict:
            firsts = map(values.from_key, container)
        held = container.values() if type(container) is dict else container
        for one, two in zip(firsts, held, strict=True):
            frame[COST] += loop.each
            if frame[COST] > most:
                raise at(too_much(rules.limits), node)
            frame[slot] = one
            if second is not None:
                frame[second] = two
            yield one

    return passes


def _true(macro: Macro, condition: Run, frame: Frame) -> bool:
    """Return what a condition says; raises when it is no bool."""
    value = condition(frame)
    if type(value) is not bool:
        message = f"a condition gave a {values.name_of(value)}, not a bool"
        raise at(EvaluationError(message, "type"), macro.node)
    return value


def _quantified(macro: Macro, *, decisive: bool) -> Run:
    """`exists` is `||` over the elements and `all` is `&&`, errors absorbed alike."""
    passes, body = _passes(macro), macro.body

    def run(frame: Frame) -> bool:
        failure: EvaluationError | None = None
        for _ in passes(frame):
            try:
                value = _true(macro, body, frame)
            except EvaluationError as error:
                if error.code == "cost":
                    raise
                failure = failure or error
                continue
            if value is decisive:
                return decisive
        if failure is not None:
            raise failure
        return not decisive

    return run


def _taken(macro: Macro, condition: Run | None) -> Passes:
    """Return the passes whose condition is true."""
    passes, loop = _passes(macro), costs.LOOPS[macro.name]

    def taken(frame: Frame) -> Iterator[Any]:
        for one in passes(frame):
            if condition is None or _true(macro, condition, frame):
                frame[COST] += loop.taken
                yield one
            else:
                frame[COST] += loop.left

    return taken


def _exists_one(macro: Macro) -> Run:
    taken = _taken(macro, macro.body)
    return lambda frame: sum(1 for _ in taken(frame)) == 1


def _filter(macro: Macro) -> Run:
    taken = _taken(macro, macro.body)
    return lambda frame: list(taken(frame))


def _map(macro: Macro) -> Run:
    taken, body = _taken(macro, macro.guard), macro.body
    return lambda frame: [body(frame) for _ in taken(frame)]


def _transform_map(macro: Macro) -> Run:
    taken, body = _taken(macro, macro.guard), macro.body

    def transform(frame: Frame) -> dict[Any, Any]:
        return {values.to_key(one): body(frame) for one in taken(frame)}

    def entries(frame: Frame) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for _ in taken(frame):
            part = body(frame)
            try:
                merge(result, part)
            except EvaluationError as error:
                raise at(error, macro.node)  # noqa: B904 (the same error)
        return result

    return transform if macro.name == "transformMap" else entries


def merge(result: dict[Any, Any], part: Any) -> None:
    """Add the entries of a map to another; raises for a key that stands there already."""
    if type(part) is not dict:
        raise values.no_overload("transformMapEntry", part)
    for key, value in part.items():
        put(result, values.from_key(key), value)


def _sort_by(macro: Macro) -> Run:
    taken, body = _taken(macro, None), macro.body

    def run(frame: Frame) -> list[Any]:
        items: list[Any] = []
        keys: list[Any] = []
        for one in taken(frame):
            items.append(one)
            keys.append(body(frame))
        try:
            charge(frame, costs.sorting(keys), macro.rules)
            return lists.sort_by(items, keys)
        except EvaluationError as error:
            raise at(error, macro.node)  # noqa: B904 (the same error)

    return run
