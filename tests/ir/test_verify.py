"""Each rule of a sound program has a program that breaks it, and nothing else is refused."""

from dataclasses import replace
from typing import Any

import pytest

from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.ir.costs import STEPS_MAX
from dagnats.ir.expressions import EXPRESSION_LEVELS_MAX
from dagnats.ir.program import Bound, Edge, Program, Retry
from dagnats.ir.verify import REPEATS_MAX, VALUE_LEVELS_MAX, verify
from dagnats.timespec import DURATION_MS_MAX
from tests.ir.samples import CERTIFICATE, SAMPLES, call, chain, field, loop, program, step

ONE = Literal(1)
A = field("steps", "a")
INPUT = Ident("input")


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_sound(name: str) -> None:
    assert verify(SAMPLES[name]) == []


def accepting(*outcomes: str) -> Program:
    return program(step("a"), step("b", edges=(Edge(0, outcomes),)))


def edges(*sources: int) -> Program:
    return program(step("a"), step("b"), step("c", *sources))


def retry(**more: Any) -> Program:
    return program(step("a", retry=replace(Retry(), **more)))


def value_of(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels - 1):
        value = [value]
    return value


def tree_of(levels: int) -> Expr:
    expr: Expr = ONE
    for _ in range(levels - 1):
        expr = call("!_", expr)
    return expr


PROGRAMS = {
    "no steps": (program(), "it has 0 steps, not 1 to 20000 (STEPS_MAX)"),
    "too many steps": (chain(STEPS_MAX + 1), "it has 20001 steps"),
    "version": (program(step("a"), version=2), "the version is 2, not 1"),
    "empty name": (program(step("a"), name=""), "`name` is ``: letters, digits, `_` and `-`"),
    "long name": (program(step("a"), name="n" * 65), "`name` is `nnnn"),
    "name with a line end": (program(step("a"), name="a\n"), "`name` is `a\\n`"),
    "timeout of the run": (program(step("a"), timeout_ms=0), "`timeout_ms` is 0, not 1 to"),
    "label": (program(step("a"), label="\ud800"), "`label` is no Unicode text"),
    "description": (program(step("a"), description="\udfff"), "`description` is no Unicode text"),
    "schema": (
        program(step("a"), input_schema={"type": 1}),
        "`input_schema` is no JSON Schema: at $.type",
    ),
    "schema that is no schema": (program(step("a"), input_schema=[]), "is no JSON Schema"),
    "schema that is no JSON": (
        program(step("a"), input_schema={"const": float("nan")}),
        "`input_schema` is no JSON Schema: holds a number that is not finite",
    ),
    "id": (program(step("a.b", task="t")), "node 0: the id is `a.b`: letters, digits"),
    "id twice": (program(step("a"), step("b"), step("a")), "node 2: the id `a` stands twice"),
    "task": (program(step("a", task="a..b")), "node 0 `a`: `a..b` is no name of a task"),
    "long task": (program(step("a", task="t" * 129)), "is no name of a task"),
    "timeout": (program(step("a", timeout_ms=-1)), "node 0 `a`: `timeout_ms` is -1"),
    "timeout that is no integer": (program(step("a", timeout_ms=1.0)), "`timeout_ms` is 1.0"),
    "long timeout": (program(step("a", timeout_ms=DURATION_MS_MAX + 1)), "`timeout_ms` is 92"),
    "queue timeout": (program(step("a", queue_timeout_ms=0)), "`queue_timeout_ms` is 0"),
    "deliveries": (program(step("a", max_deliveries=0)), "`max_deliveries` is 0, not 1 to"),
    "retries": (retry(max_retries=-1), "`max_retries` is -1, not 0 to 100000"),
    "many retries": (retry(max_retries=REPEATS_MAX + 1), "`max_retries` is 100001"),
    "strategy": (retry(strategy="random"), "`strategy` is `random`, not one of fixed, linear"),
    "first delay": (retry(initial_delay_ms=-1), "`initial_delay_ms` is -1"),
    "longest delay": (retry(max_delay_ms=-1), "`max_delay_ms` is -1"),
    "multiplier": (retry(multiplier=-0.5), "`multiplier` is -0.5, not finite and at least 0"),
    "multiplier inf": (retry(multiplier=float("inf")), "`multiplier` is inf"),
    "multiplier nan": (retry(multiplier=float("nan")), "`multiplier` is nan"),
    "iterations": (program(loop("a", max_iterations=0)), "`max_iterations` is 0, not 1 to 100000"),
    "many iterations": (program(loop("a", max_iterations=100_001)), "`max_iterations` is 100001"),
    "exhausted": (program(loop("a", on_exhausted="skip")), "`on_exhausted` is `skip`, not one of"),
    "loop's duration": (program(loop("a", max_duration_ms=0)), "`max_duration_ms` is 0"),
    "initial state": (
        program(loop("a", initial_state={"x": 2**63})),
        "`initial_state` holds an integer of more than 64 bits",
    ),
    "edge from nowhere": (edges(3), "node 2 `c`: an edge from 3, which is no other node"),
    "edge from before": (edges(-1), "an edge from -1, which is no other node"),
    "edge from itself": (edges(2), "an edge from 2, which is no other node"),
    "edges in disorder": (edges(1, 0), "the edge from 0 is not in ascending order"),
    "edge twice": (edges(1, 1), "the edge from 1 is not in ascending order"),
    "accepts nothing": (accepting(), "the edge from 0 accepts nothing: `completed` and any"),
    "accepts not completed": (accepting("failed"), "the edge from 0 accepts failed:"),
    "accepts something else": (accepting("completed", "lost"), "accepts completed, lost:"),
    "accepts twice": (accepting("completed", "completed"), "accepts completed, completed:"),
    "accepts in disorder": (accepting("completed", "failed", "skipped"), "in the order completed"),
    "circle of two": (
        program(step("a", 1), step("b", 0), step("c", 1), step("d")),
        "3 steps can never start: a cycle, with or before `a`",
    ),
    "output of nobody": (
        program(step("a"), output=field("steps", "b")),
        "`output`: reads `b`, which is no step",
    ),
    "output of a loop's root": (
        program(loop("a"), output=Ident("result")),
        "`output`: `result` does not exist here",
    ),
    "certificate": (
        program(step("a"), certificate=replace(CERTIFICATE, usd=Bound(-1, ""))),
        "`certificate.usd` is -1, not 0 or more",
    ),
    "certificate of a fraction": (
        program(step("a"), certificate=replace(CERTIFICATE, bytes=Bound(1.5, ""))),
        "`certificate.bytes` is 1.5",
    ),
    "certificate of nobody": (
        program(step("a"), certificate=replace(CERTIFICATE, timers=Bound(1, "1", "b"))),
        "`certificate.timers` names `b`, which is no step",
    ),
    "certificate's text": (
        program(step("a"), certificate=replace(CERTIFICATE, timers=Bound(1, "\ud800"))),
        "`certificate.timers.symbolic` is no Unicode text",
    ),
    "source map": (program(step("a"), source_map={"b": (1, 1)}), "`source_map` names `b`"),
    "source map from 0": (
        program(step("a"), source_map={"a": (0, 1)}),
        "`source_map` places `a` at 0:1; both count from 1",
    ),
    "reads without an edge": (
        program(step("a"), step("b", when=A)),
        "node 1 `b`: `when`: reads `a` without an edge from it",
    ),
    "reads itself": (program(step("a", input=A)), "`input`: reads `a` without an edge from it"),
    "reads nobody": (program(step("a", input=field("steps", "x"))), "reads `x`, which is no step"),
    "until reads without an edge": (
        program(step("a"), loop("b", until=A)),
        "`until`: reads `a` without an edge from it",
    ),
    "loop in a task": (program(step("a", input=Ident("loop"))), "`loop` does not exist here"),
    "loop in when": (program(loop("a", when=Ident("loop"))), "`when`: `loop` does not exist here"),
    "result in input": (program(loop("a", input=Ident("result"))), "`result` does not exist here"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_breaks_a_rule_is_reported_once(name: str) -> None:
    unsound, expected = PROGRAMS[name]
    found = verify(unsound)
    assert [violation for violation in found if expected in violation], found
    # What is wrong with an edge may be wrong with the graph too.
    assert len(found) == 1 or "edge" in name, found


EXPRESSIONS = {
    "unknown root": (Ident("nobody"), "`nobody` does not exist here"),
    "a variable outside": (
        ListOf((Comprehension("all", INPUT, "x", Ident("x")), Ident("x"))),
        "`x` does not exist here",
    ),
    "a variable in what it goes over": (
        Comprehension("all", Ident("x"), "x", Literal(True)),
        "`x` does not exist here",
    ),
    "steps alone": (Ident("steps"), "`steps` is no value by itself"),
    "steps by computed name": (
        call("_[_]", Ident("steps"), field("input", "name")),
        "`steps` is no value by itself",
    ),
    "namespace alone": (Ident("math"), "`math` does not exist here"),
    "unknown function": (call("now"), "there is no function `now`"),
    "unknown method": (call("shout", on=INPUT), "there is no function `shout`"),
    "unknown of a namespace": (call("pi", on=Ident("math")), "there is no function `math.pi`"),
    "namespace in the name": (call("math.abs", ONE), "a namespace stands in `target`"),
    "too many arguments": (call("size", ONE, ONE), "`size` does not take 2 arguments"),
    "function as a method": (call("int", on=ONE), "`int` does not take 0 arguments as a method"),
    "method as a function": (call("trim", ONE), "`trim` does not take 1 arguments"),
    "none of any number": (call("greatest", on=Ident("math")), "does not take 0 arguments"),
    "short chain": (call("_&&_", ONE), "`_&&_` does not take 1 operands"),
    "long conditional": (call("_?_:_", ONE, ONE, ONE, ONE), "`_?_:_` does not take 4 operands"),
    "chain on a receiver": (call("_||_", ONE, ONE, on=ONE), "`_||_` does not take 2 operands"),
    "empty text": (call(INTERPOLATE), "does not take 0 operands"),
    "operator": (call("_+_", ONE), "`_+_` does not take 1 arguments"),
    "unknown macro": (Comprehension("reduce", INPUT, "x", ONE), "there is no macro `reduce`"),
    "guard": (Comprehension("all", INPUT, "x", ONE, ONE), "`all` has no guard"),
    "variable": (Comprehension("all", INPUT, "x y", ONE), "`x y` is no name of a variable"),
    "two kinds of select": (Select(INPUT, "x", True, True), "both optional and test"),
    "field": (Select(INPUT, "\ud800"), "a field's name is no Unicode text"),
    "optional item": (ListOf((INPUT,), (1,)), "`optional` is not ascending indexes"),
    "optional items in disorder": (ListOf((INPUT, INPUT), (1, 0)), "`optional` is not ascending"),
    "optional entry": (MapOf(((INPUT, INPUT),), (-1,)), "`optional` is not ascending indexes"),
    "literal of a set": (Literal({1}), "a literal holds a value of type set"),
    "literal of tuples": (Literal([(1,)]), "a literal holds a value of type tuple"),
    "literal of infinity": (Literal(float("inf")), "a literal holds a number that is not finite"),
    "literal of half a pair": (Literal("\ud800"), "a literal holds a text that is not Unicode"),
    "literal by numbers": (Literal({1: 1}), "a literal holds a key that is no text"),
    "large literal": (Literal([-(2**63) - 1]), "a literal holds an integer of more than 64 bits"),
    "deep literal": (Literal(value_of(VALUE_LEVELS_MAX + 1)), "a literal has more than 100 levels"),
    "deep expression": (tree_of(EXPRESSION_LEVELS_MAX + 1), "more than 192 levels"),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_no_expression_may_be_is_reported_once(name: str) -> None:
    expr, expected = EXPRESSIONS[name]
    (found,) = verify(program(step("a", input=expr)))
    assert found.startswith("node 0 `a`: `input`: ")
    assert expected in found
    (found,) = verify(program(step("a"), output=expr))
    assert found.startswith("`output`: ")


SOUND = {
    "deepest literal": Literal(value_of(VALUE_LEVELS_MAX)),
    "deepest expression": tree_of(EXPRESSION_LEVELS_MAX),
    "a variable hides steps": Comprehension("map", INPUT, "steps", Ident("steps")),
    "a hidden step is none": Comprehension("map", INPUT, "steps", field("steps", "x")),
    "a hidden namespace is a value": Comprehension(
        "map", INPUT, "math", call("size", on=Ident("math"))
    ),
    "any number": call("greatest", ONE, ONE, ONE, on=Ident("math")),
    "no arguments": call("none", on=Ident("optional")),
    "guard of map": Comprehension("map", INPUT, "x", Ident("x"), Ident("x")),
    "any field": Select(INPUT, ""),
    "chain": Call("_&&_", (Literal(True),) * 9),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_an_expression_may_be(name: str) -> None:
    assert verify(program(step("a", input=SOUND[name]))) == []


def test_every_way_to_read_a_step_wants_an_edge() -> None:
    ways = [
        A,
        Select(Ident("steps"), "a", optional=True),
        Select(Ident("steps"), "a", test=True),
        call("_[_]", Ident("steps"), Literal("a")),
        call("_[?_]", Ident("steps"), Literal("a")),
        Comprehension("all", A, "steps", Literal(True)),
    ]
    for way in ways:
        assert verify(program(step("a"), step("b", 0, when=way))) == []
        assert "without an edge" in str(verify(program(step("a"), step("b", when=way))))


def test_nothing_more_than_the_roots_of_its_place() -> None:
    ways: list[Expr] = [field("loop", "state"), field("loop", "iteration")]
    assert verify(program(loop("a", input=ListOf(tuple(ways))))) == []
    assert verify(program(loop("a", until=ListOf((*ways, Ident("result")))))) == []


def test_the_largest_program_is_sound() -> None:
    assert verify(chain(STEPS_MAX)) == []


def test_everything_that_is_wrong_is_told() -> None:
    wrong = program(step("a", 7, timeout_ms=0), step("a", task="!"), name="")
    assert len(verify(wrong)) == 5
