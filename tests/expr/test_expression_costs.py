"""Estimates of cost hold for what evaluation counts, rely on what is checked, and are cheap."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats import expr
from dagnats.expr import types as t
from dagnats.expr.ast import Ident, walk
from dagnats.expr.costing import costs
from dagnats.expr.costing import estimate as estimating
from dagnats.expr.costing.actual import size_of
from dagnats.expr.costing.estimate import Cost, estimate
from dagnats.expr.evaluation.evaluator import EvaluationError, Evaluator
from dagnats.expr.kinds import Present, Uint
from dagnats.expr.limits import Limits
from tests.expr.estimates import INTS, chars, estimated, ints, parse, typed
from tests.expr.typed_sentences import VARIABLES, Writer, data

pytestmark = pytest.mark.slow

SOME = st.sampled_from((0, 1, 2, 3, 5, 10_000, 65_536))


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), items=SOME, chars=SOME, declared=st.booleans())
def test_an_evaluation_costs_what_the_estimate_says(
    seed: int, items: int, chars: int, declared: bool
) -> None:
    random = Random(seed)
    limits = Limits(list_items_max=items, string_chars_max=chars)
    expr = parse(Writer(random, VARIABLES).write())
    types = typed(expr, VARIABLES) if declared else {}
    bound = estimate(expr, types, limits)
    evaluator = Evaluator(expr, types=types, sizes=bound.sizes, limits=limits)
    try:
        _, counted = evaluator.counted(data(random))
    except EvaluationError:
        return
    assert bound.cost.min <= counted <= bound.cost.max


def test_the_maximum_is_what_the_worst_data_cost() -> None:
    expr = parse("items.all(x, items.exists(y, y.id == x.id))")
    bound = estimate(expr, typed(expr, {"items": t.List(t.Map(chars(20)), 30)}))
    rows = [{"id": f"{number:020}"} for number in range(29, -1, -1)]
    # All but one pass of each inner loop compare in vain only for an element found last.
    counted = Evaluator(expr, sizes=bound.sizes).counted({"items": rows})[1]
    assert bound.cost.max // 2 < counted <= bound.cost.max


@pytest.mark.parametrize(
    ("text", "roots", "sizes"),
    [
        ("input.a.contains('x')", {"input": t.DYN}, [65_536]),
        ("input.a.all(x, true)", {"input": t.DYN}, [10_000]),
        ("a.contains('x')", {"a": chars(50)}, [50]),
        ("a.map(x, x).all(x, true)", {"a": ints(7)}, [7]),
        ("'abc'.contains('x')", {}, []),
        ("a == 'abc'", {"a": t.STRING}, []),
        ("a == b", {"a": t.STRING, "b": chars(9)}, [9]),
        ("a.x.size() > 0", {"a": t.DYN}, []),
        ("(a + b).all(x, true)", {"a": ints(3), "b": ints(4)}, [7]),
        ("json.parse(a).all(x, x.y == x.z)", {"a": chars(9)}, [9]),
        ("[a, b].all(x, x.contains('y'))", {"a": chars(3), "b": chars(4)}, [4]),
        ("cel.bind(v, a, v.all(x, x > 0) && v.exists(x, x > 0))", {"a": ints(5)}, [5, 5]),
    ],
)
def test_what_has_to_be_checked_is_what_the_maximum_relies_on(
    text: str, roots: dict[str, t.Type], sizes: list[int]
) -> None:
    assert sorted(estimated(text, roots).sizes.values()) == sizes


def test_a_value_larger_than_relied_on_is_refused_before_it_costs() -> None:
    expr = parse("a.all(x, true)")
    bound = estimate(expr, typed(expr, {"a": ints(3)}))
    evaluator = Evaluator(expr, sizes=bound.sizes)
    assert evaluator.counted({"a": [1, 2, 3]}) == (True, bound.cost.max)
    with pytest.raises(EvaluationError) as caught:
        evaluator.counted({"a": [1, 2, 3, 4]})
    assert caught.value.code == "size"


@pytest.mark.parametrize(
    ("text", "dominant"),
    [
        ("a.all(x, true) && b.contains('y')", "all"),
        ("a.exists(x, x > 0) && b.contains(b)", "contains"),
        ("a.all(x, a.exists(y, b == c))", "_==_"),
        ("a.all(x, a.exists(y, x > y))", "exists"),
    ],
)
def test_the_dominant_node_is_where_most_of_the_maximum_comes_from(
    text: str, dominant: str
) -> None:
    expr = parse(text)
    types = typed(expr, {"a": ints(100), "b": chars(400), "c": chars(400)})
    node = next(n for n in walk(expr) if n.id == estimate(expr, types).dominant)
    assert dominant in {getattr(node, "macro", None), getattr(node, "function", None)}


def test_undeclared_are_the_nodes_without_a_bound_of_their_own() -> None:
    expr = parse("a.all(x, b.contains(c))")
    found = estimate(expr, typed(expr, {"a": ints(5), "b": t.STRING, "c": chars(7)}))
    names = [n.name for n in walk(expr) if isinstance(n, Ident) and n.id in found.undeclared]
    assert names == ["b"]


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("a.flatten(9223372036854775807)", 1 + 11 + 6),
        ("x.flatten(9223372036854775807)", 1 + 11 + 1_000_000),
        ("lists.range(5).map(i, i).size()", 11 + 5 + 11 + 5 * 13 + 1),
        ("x.reverse().size()", 1 + 1 + 6_554 + 65_536 + 1),
        ("'a,b'.split(',').join('-').size()", 1 + 1 + 4 + 10 + 1 + 1 + 15 + 1),
        ("{'k': a}.transformMapEntry(k, v, {k: v}).all(k, true)", 30 + 1 + 31 + 34 + 1 + 3),
    ],
)
def test_what_is_made_has_the_size_of_its_parts(text: str, most: int) -> None:
    assert estimated(text, {"a": t.List(ints(2), 3), "x": t.DYN}).cost.max == most


def test_costs_end_instead_of_growing_without_end() -> None:
    text = "true"
    for depth in range(20):
        text = f"a.all(x{depth}, {text})"
    found = estimated(text, {"a": INTS})
    assert found.cost.max == costs.UNBOUNDED
    assert costs.bounded(10**40) == costs.UNBOUNDED
    assert (
        estimated("a.contains(b)", {"a": chars(10**30), "b": chars(1)}).cost.max == costs.UNBOUNDED
    )


@pytest.mark.parametrize(
    "part", ["a.all(x, x > 0)", "[a, a]", "{'k': a}", "b + b", "(c ? a : a)", "b.contains(b)"]
)
def test_an_estimate_visits_each_node_once(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = 0
    known = dict(estimating._VISITS)

    def counting(visit: Any) -> Any:
        def count(*args: Any) -> Any:
            nonlocal visits
            visits += 1
            return visit(*args)

        return count

    monkeypatch.setattr(
        estimating, "_VISITS", {kind: counting(visit) for kind, visit in known.items()}
    )
    for times in (10, 20, 40):
        expr = parse(f"[{', '.join([part] * times)}]")
        visits = 0
        estimate(expr, {})
        assert visits == sum(1 for _ in walk(expr))


def test_what_is_inside_of_what_is_inside_is_worked_out_once() -> None:
    text = "[v39]"
    for level in range(39, 0, -1):
        text = f"cel.bind(v{level}, [v{level - 1}, v{level - 1}], {text})"
    text = f"cel.bind(v0, a, {text}{'[0]' * 40}.all(x, true))"
    assert estimated(text, {"a": ints(100)}).cost == Cost(453, 922 + 100 * 3)


VALUES: list[Any] = [
    None, True, 3, Uint(3), 2.5, "", "abc", "x" * 71, b"", b"abcdefghijk", [], [1, 2, 3],
    ["a", "bcd"], {}, {"a": 1}, Present("abc"), Present(1), [[1], [2, 3]],
]  # fmt: skip
BY_SIZES = [
    name
    for name in costs.FORMULAS
    if name not in {"_+_", "@in", "string", "bytes"} | {"slice", "flatten", "lists.range"}
    and name not in {"lowerAscii", "upperAscii", "trim", "substring", "replace", "split", "join"}
    and name not in {"sort", "distinct", "json.encode", "math.greatest", "math.least"}
]


@pytest.mark.parametrize("name", BY_SIZES)
def test_what_is_measured_is_the_formula_over_the_sizes(name: str) -> None:
    measured = costs.measured(name)
    assert measured is not None
    formula = costs.FORMULAS[name]
    count = 3 if name == "regex.replace" else formula.__code__.co_argcount
    for first in VALUES:
        for second in VALUES:
            args = [first, second, "abc"][: max(count, 1)]
            takes = costs.TAKES.get(name, ()) if name not in {"containsIP", "containsCIDR"} else ()
            wrong = any(k not in {object, type(a)} for a, k in zip(args, takes, strict=False))
            expected = 1 if wrong else formula(*map(size_of, args))
            assert measured(args) == expected


def test_a_call_that_fails_on_its_kinds_costs_no_more_than_estimated() -> None:
    text = "sets.intersects([null, null, null], bytes(b'b')) && b"
    program = expr.Environment({"b": expr.DYN}).compile(text, check=False)
    value, cost = program.counted({"b": False})
    assert value is False
    assert program.cost.min <= cost <= program.cost.max
