"""The fast tier says what the exact tier says or gives up, and not on what is usual."""

from collections import defaultdict
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.expr.ast import Expr, walk
from dagnats.expr.costing.estimate import estimate
from dagnats.expr.evaluation.codegen import Writer
from dagnats.expr.evaluation.evaluator import MISS, EvaluationError, Evaluator
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.limits import Limits
from dagnats.expr.signatures import Function, over
from dagnats.expr.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    STRING,
    List,
    Map,
    Object,
    Type,
)  # fmt: skip
from tests.expr.trees import Trees, checked, exactly, parse, quickly, shape

pytestmark = pytest.mark.slow

USUAL = {
    "input": {
        "count": 11,
        "name": "Ada",
        "total": 2.5,
        "items": [
            {"id": i, "price": i % 100, "kind": "b" if i % 2 else "a", "tags": ["x", "y"]}
            for i in range(20)
        ],
        "by_name": {"x": 1, "y": 2},
        "maybe": {"there": 5},
    },
    "steps": {"a": {"output": {"status": "ok"}}},
}
ITEM = Object({
    "id": (INT, True), "price": (INT, True), "kind": (STRING, True), "tags": (List(STRING), True),
})  # fmt: skip
ROOTS: dict[str, Type] = {
    "input": Object({
        "count": (INT, True),
        "name": (STRING, True),
        "total": (DOUBLE, True),
        "items": (List(ITEM), True),
        "by_name": (Map(INT), True),
        "maybe": (Object({"there": (INT, False), "gone": (INT, False)}), True),
    }),
    "steps": Object({"a": (Object({"output": (Object({"status": (STRING, True)}), True)}), True)}),
}  # fmt: skip
FAST = [
    'input.count > 10 && steps.a.output.status == "ok"',
    "input.items.filter(x, x.price > 50).map(x, x.id)",
    "input.items.exists(x, x.id == 19)",
    '"Hello " + input.name + ", order " + string(input.count) + "!"',
    'size(input.items) > 0 ? input.items[0].kind : "none"',
    "input.items.all(x, x.id * 2 - 1 <= x.id + x.id && x.id % 2 < 2 && -x.id / 3 != 7)",
    "input.items.exists_one(x, x.id == input.count)",
    "input.items.exists(x, input.items.exists(y, x.kind == y.kind && x.id > y.id))",
    'input.items.map(x, x.kind in ["b", "c"], x.tags[1])',
    "input.items.transformList(i, x, x.id == i)",
    "input.by_name.transformMap(k, v, k + string(v))",
    "input.by_name.transformMapEntry(k, v, {v: k})",
    "input.by_name.map(k, input.by_name[k])",
    "input.items.sortBy(x, -x.id)[0].id",
    "cel.bind(n, input.count, n * n)",
    "input.maybe.?there.orValue(1) + input.maybe.?gone.orValue(2)",
    "input.maybe.?there.optMap(x, x + 1).orValue(0)",
    "has(input.maybe.there) && !has(input.maybe.gone)",
    "[input.count, input.total > 2.0 ? 1 : 0, ?input.maybe.?gone]",
    '{"count": input.count, ?"gone": input.maybe.?gone}',
    'input.name.startsWith("A") && input.name.contains("d") && input.name.matches("^A[a-z]+$")',
    "math.greatest(input.count, 12) > input.total",
    "(input.count > 99 ? input.total : 0.0) == 0.0 && input.total > 1.0",
    "type(input.count) == int",
    "duration('1h') > duration('30m')",
]
BROKEN = [
    {},
    {"input": None, "steps": {}},
    {"input": {"count": True, "name": 1, "total": "2", "items": {}, "maybe": []}, "steps": {}},
    {"input": {**USUAL["input"], "count": 2**63 - 1}, "steps": USUAL["steps"]},
    {"input": {**USUAL["input"], "count": "11", "total": 3}, "steps": USUAL["steps"]},
    {"input": {**USUAL["input"], "items": [{"id": "0"}, 1, None]}, "steps": USUAL["steps"]},
    {"input": {**USUAL["input"], "items": {"a": 1}, "by_name": [1]}, "steps": {"a": None}},
]


def typed(text: str) -> Evaluator:
    expr, types = checked(text, ROOTS)
    bound = estimate(expr, types)
    return Evaluator(expr, types=types, sizes=bound.sizes, cost_max=bound.cost.max)


@pytest.mark.parametrize("text", FAST)
@pytest.mark.parametrize("make", [lambda text: Evaluator(parse(text)), typed])
def test_the_usual_is_fast(text: str, make: Any) -> None:
    evaluator = make(text)
    found = quickly(evaluator, USUAL)
    assert found is not MISS
    assert found == exactly(evaluator, USUAL)


@pytest.mark.parametrize("text", FAST)
@pytest.mark.parametrize("make", [lambda text: Evaluator(parse(text)), typed])
def test_data_that_breaks_its_declaration_gives_no_other_answer(text: str, make: Any) -> None:
    evaluator = make(text)
    for roots in BROKEN:
        found = quickly(evaluator, roots)
        assert found is MISS or found == exactly(evaluator, roots)


def test_what_is_evaluated_again_is_evaluated_fast() -> None:
    def slow(_: Any) -> Any:
        raise AssertionError

    evaluator = Evaluator(parse("input.count + 1"))
    assert [evaluator.evaluate(USUAL) for _ in range(2)] == [12, 12]
    evaluator._exact = slow
    assert evaluator.evaluate(USUAL) == 12
    with pytest.raises(AssertionError):
        evaluator.evaluate({})


def trees(seed: int) -> tuple[Trees, Expr]:
    maker = Trees(Random(seed))
    return maker, maker.any(maker.chance.randint(1, 5))


SEEDS = st.integers(0, 2**40)
MANY = settings(max_examples=400, deadline=None)


@MANY
@given(SEEDS)
def test_both_tiers_agree(seed: int) -> None:
    maker, expr = trees(seed)
    evaluator = Evaluator(expr)
    for _ in range(3):
        roots = maker.roots()
        found, right = quickly(evaluator, roots), exactly(evaluator, roots)
        assert found is MISS or found == right


@MANY
@given(SEEDS, st.sampled_from([5, 20, 60, 200]), st.sampled_from([0, 1, 3]))
def test_both_tiers_keep_the_limits(seed: int, cost: int, size: int) -> None:
    maker, expr = trees(seed)
    limits = Limits(cost_max=cost, list_items_max=size, string_chars_max=size + 1)
    evaluator = Evaluator(expr, limits=limits)
    for _ in range(3):
        roots = maker.roots()
        found, right = quickly(evaluator, roots), exactly(evaluator, roots)
        assert found is MISS or found == right


@MANY
@given(SEEDS)
def test_declarations_and_sizes_that_do_not_hold_give_no_other_answer(seed: int) -> None:
    maker, expr = trees(seed)
    chance = maker.chance
    kinds = [INT, STRING, BOOL, DOUBLE, List(INT), Map(DYN), Object({}), BYTES]
    nodes = [node.id for node in walk(expr) if chance.random() < 0.5]
    types = {node: chance.choice(kinds) for node in nodes}
    sizes = {node: chance.choice([0, 1, 2, 100]) for node in nodes}
    for declared in (None, sizes):
        evaluator = Evaluator(expr, types=types, sizes=declared, cost_max=0)
        roots = maker.roots()
        found, right = quickly(evaluator, roots), exactly(evaluator, roots)
        assert found is MISS or found == right


NESTED = {
    "conditions": ("(a.n > {i} ? {i} : {inner})", "1", 90),
    "logic": ("(a.t && (a.t || {inner}))", "a.t", 40),
    "loops": ("[1].map(x{i}, {inner})", "x0 + x80", 85),
    "quantifiers": ("[1].exists(x{i}, x{i} == 1 && {inner})", "x0 + x5 == 2", 40),
    "lists": ("[{inner}]", "a.n", 90),
    "binds": ("cel.bind(v{i}, [a.n, 1].map(y, y + {i}), {inner})", "v0.size()", 40),
    "optionals": ("a.?q{i}.orValue({inner})", "7", 90),
    "calls": ("string({inner})", "a.n", 90),
    "negations": ("!{inner}", "a.t", 90),
}
WIDE = {
    "sum": "+".join(["a.n"] * 90),
    "and": "&&".join(["a.n == 3"] * 1500),
    "or": "||".join(["a.n == 4"] * 1500),
    "list": "[" + ",".join(["a.n"] * 4000) + "]",
    "map": "{" + ",".join(f"'{i}':a.n" for i in range(1200)) + "}",
    "macros": "a.l" + ".map(x, x + 1)" * 85,
    "block": "cel.block([a.n, "
    + ", ".join(f"cel.index({i}) + cel.index({i})" for i in range(29))
    + "], cel.index(29))",
}


def nested(name: str) -> str:
    pattern, text, levels = NESTED[name]
    for i in range(levels):
        text = pattern.format(i=i, inner=text)
    return text


@pytest.mark.parametrize("text", [*map(nested, NESTED), *WIDE.values()], ids=[*NESTED, *WIDE])
def test_both_tiers_bear_deep_and_wide_expressions(text: str) -> None:
    evaluator = Evaluator(parse(text))
    roots = {"a": {"n": 3, "t": True, "l": [1, 2, 3]}}
    found = quickly(evaluator, roots)
    assert found is not MISS
    assert found == exactly(evaluator, roots)


@pytest.mark.parametrize("name", NESTED)
def test_what_is_written_is_linear_in_the_tree(name: str) -> None:
    pattern, inner, levels = NESTED[name]
    sizes = []
    for count in (levels // 4, levels // 2, levels):
        text = inner.replace("80", "0").replace("x5", "x0")
        for i in range(count):
            text = pattern.format(i=i, inner=text)
        expr = parse(text)
        evaluator = Evaluator(expr)
        source = Writer(evaluator._rules, MISS, counts=True).function_of(expr)
        sizes.append(len(source) / sum(1 for _ in walk(expr)))
    assert max(sizes) < 3 * min(sizes)


@pytest.mark.parametrize(
    "text",
    [
        "input.items.filter(x, x.price > 50).map(x, x.id)",
        "input.items.exists(x, x.id == -1)",
        "input.items.sortBy(x, x.id).size()",
        "input.items.transformList(i, x, x.id + i)",
    ],
)
def test_work_is_linear_in_the_data(text: str) -> None:
    costs = []
    for count in (1_000, 2_000, 4_000):
        items = [{"id": i, "price": i % 100} for i in range(count)]
        evaluator = Evaluator(parse(text))
        costs.append(evaluator.counted({"input": {"items": items}})[1])
    assert 1.9 <= costs[1] / costs[0] <= 2.3
    assert 1.9 <= costs[2] / costs[1] <= 2.3


def test_ten_thousand_items_stay_fast_within_the_default_limits() -> None:
    roots = {"input": {"items": [{"id": i, "price": i % 100} for i in range(10_000)]}}
    for text in FAST[1:3]:
        assert quickly(Evaluator(parse(text)), roots) is not MISS


@pytest.mark.parametrize("text", FAST)
@pytest.mark.parametrize("make", [lambda text: parse(text), lambda text: checked(text, ROOTS)[0]])
def test_the_fast_tier_gives_up_where_the_exact_one_counts_too_much(text: str, make: Any) -> None:
    expr = make(text)
    cost = Evaluator(expr).counted(USUAL)[1]
    assert exactly(Evaluator(expr, limits=Limits(cost_max=cost)), USUAL) != "cost"
    for less in {cost - 1, cost - 2, cost // 2, 0}:
        evaluator = Evaluator(expr, limits=Limits(cost_max=less))
        assert exactly(evaluator, USUAL) == "cost"
        assert quickly(evaluator, USUAL) is MISS


TRAPS: list[tuple[str, dict[str, Type], dict[str, Any]]] = [
    ("a + b", {"a": INT, "b": INT}, {"a": 2**64, "b": -(2**64)}),
    ("a - b", {"a": INT, "b": INT}, {"a": 2**64, "b": 2**64}),
    ("a * b", {"a": INT, "b": INT}, {"a": 2**64, "b": 0}),
    ("a * b", {"a": INT, "b": INT}, {"a": 2**62, "b": 2}),
    ("a / b", {"a": INT, "b": INT}, {"a": -7, "b": 2}),
    ("a / b", {"a": INT, "b": INT}, {"a": 7, "b": -2}),
    ("a % b", {"a": INT, "b": INT}, {"a": -7, "b": 2}),
    ("a % b", {"a": INT, "b": INT}, {"a": 2**64, "b": 2**64}),
    ("a / b", {"a": INT, "b": INT}, {"a": 1, "b": 0}),
    ("a / b", {"a": DOUBLE, "b": DOUBLE}, {"a": 1.0, "b": 0.0}),
    ("-a", {"a": INT}, {"a": -(2**63)}),
    ("a <= 9223372036854775807", {}, {"a": 2.0**63}),
    ("a == 9223372036854775807", {}, {"a": 2.0**63}),
    ("(t ? 2 : true) + 1", {}, {"t": False}),
    ("(t ? !a : true) && (a || false)", {}, {"t": False, "a": 1}),
    ("(t ? a.x : 0) == 0 && a.x == 5", {}, {"t": False, "a": {"x": 5}}),
    ("(t ? a + b : 0) == 0 && a + b == 3", {"a": INT, "b": INT}, {"t": False, "a": 1, "b": 2}),
    ("[1].map(v, v)[0] == 1 && v == 5", {}, {"v": 5}),
    ("a.x", {}, {"a": defaultdict(int)}),
    ("a.map(x, x)", {}, {"a": (1, 2)}),
    ("a[b]", {}, {"a": [1, 2], "b": True}),
    ("a[b]", {}, {"a": [1, 2], "b": -1}),
    ("a in b", {}, {"a": 1, "b": {"1": 2}}),
    ("a in b", {}, {"a": 1, "b": [True]}),
    ("size(a) + size(b)", {}, {"a": "\U0001f600", "b": {"a": 1}}),
    ("a < b", {}, {"a": 1, "b": True}),
    ("a < b", {}, {"a": True, "b": False}),
    ("a && b", {}, {"a": 0, "b": True}),
    ("a ? 1 : 2", {}, {"a": 1}),
    ("{true: 1}.exists(k, v, k == true)", {}, {}),
    ("{true: 1}.exists(k, k == true)", {}, {}),
    ("{a: 1, b: 2}", {}, {"a": True, "b": 1}),
    ("{a: 1, b: 2}", {}, {"a": "x", "b": "x"}),
]


@pytest.mark.parametrize(("text", "types", "roots"), TRAPS)
def test_what_python_means_otherwise(
    text: str, types: dict[str, Type], roots: dict[str, Any]
) -> None:
    expr, known = parse(text), dict[int, Type]()
    if types:
        expr, found = checked(text, {**dict.fromkeys(roots, DYN), **types})
        known = dict(found)
    evaluator = Evaluator(expr, types=known)
    found_fast, right = quickly(evaluator, roots), exactly(evaluator, roots)
    assert found_fast is MISS or found_fast == right
    assert all(not value for value in roots.values() if type(value) is defaultdict)


def test_straight_lines_cost_too_much_as_well() -> None:
    for text in ("[a, a, a].nope", "[a, a, a]", "a == 1 || a == 2"):
        assert exactly(Evaluator(parse(text), limits=Limits(cost_max=2)), {"a": 2}) == "cost"


def test_a_function_in_the_place_of_a_builtin_is_called() -> None:
    own = [
        Function(name, "", lambda *_: "own", (over(*[DYN] * count, gives=DYN),))
        for name, count in (("size", 1), ("_==_", 2), ("_+_", 2), ("@in", 2), ("!_", 1))
    ]
    functions = {**FUNCTIONS, **{function.name: function for function in own}}
    for text in ("size(a)", "a == 1", "a + 1", "a in [1]", "!a"):
        evaluator = Evaluator(parse(text), functions=functions)
        assert exactly(evaluator, {"a": 1}) == shape("own") == quickly(evaluator, {"a": 1})


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("l.map(a, l.map(b, l.map(c, 1)))", Limits()),
        ("l.all(a, l.all(b, a != b || a in l))", Limits()),
        ("l.all(a, l.all(b, l.all(c, true))) || true", Limits()),
        ("l.exists(a, l.map(b, l.map(c, c)).size() > 0)", Limits()),
        ("l.size() > 0 && l.map(x, x).size() > 0", Limits(cost_max=100)),
        ("'x' == t + t", Limits(cost_max=20)),
    ],
)
def test_neither_tier_exceeds_the_cost(text: str, limits: Limits) -> None:
    evaluator = Evaluator(parse(text), limits=limits)
    roots = {"l": list(range(1_000)), "t": "x" * 200}
    assert quickly(evaluator, roots) is MISS
    assert exactly(evaluator, roots) == "cost"


def test_the_shapes_that_are_compared_tell_kinds_apart() -> None:
    alike = [1, 1.0, True, [1], [1.0], {"a": 1}, {"a": True}]
    assert len({repr(shape(value)) for value in alike}) == len(alike)


def test_checked_trees_and_trees_that_nobody_checked_agree() -> None:
    for text in FAST:
        expr, types = checked(text, ROOTS)
        assert exactly(Evaluator(expr, types=types), USUAL) == exactly(
            Evaluator(parse(text)), USUAL
        )


def test_errors_name_the_node_that_failed() -> None:
    for text, failing in (("1 + (a / 0) * 2", "_/_"), ("[1].map(x, x + 'a')", "_+_")):
        expr = parse(text)
        with pytest.raises(EvaluationError) as caught:
            Evaluator(expr).evaluate({"a": 1})
        nodes = {node.id: node for node in walk(expr)}
        assert caught.value.node is not None
        assert getattr(nodes[caught.value.node], "function", None) == failing
