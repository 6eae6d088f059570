"""Each rule of a sound program has a program that breaks it, and nothing else is refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.expr.ast import (
    COERCE,
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
from dagnats.ir.program import (
    Bound,
    Budget,
    CancelOn,
    Case,
    CodeRetry,
    Concurrency,
    Edge,
    Priority,
    Program,
    RateLimit,
    Retry,
    Singleton,
    Trigger,
)
from dagnats.ir.verify import REPEATS_MAX, VALUE_LEVELS_MAX, verify
from dagnats.timespec import DURATION_MS_MAX
from tests.ir.samples import CERTIFICATE, SAMPLES, WHOLE, call, chain, field, loop, program, step

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
    "version": (program(step("a"), version=1), "the version is 1, not 2"),
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
    "id": (program(step("a..b", task="t")), "node 0: the id is `a..b`: letters, digits"),
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
        program(loop("a", initial_state=Literal({"x": 2**63}))),
        "`initial_state`: a literal holds an integer of more than 64 bits",
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


def whole(name: str, **more: Any) -> Program:
    """The program with everything, with one of its nodes changed."""
    nodes = tuple(replace(n, **more) if n.id == name else n for n in WHOLE.nodes)
    return replace(WHOLE, nodes=nodes)


def admitting(**more: Any) -> Program:
    return replace(WHOLE, admission=replace(WHOLE.admission, **more))


def started_by(*found: Trigger) -> Program:
    return replace(WHOLE, triggers=found)


LIMIT = RateLimit(1, 1)
KINDS = {
    "join": (whole("sum", join="any"), "`join` is `any`, not one of all_success"),
    "metadata": (whole("sum", metadata={"a": 2**64}), "`metadata` holds an integer"),
    "heartbeat": (whole("start", heartbeat_timeout_ms=0), "`heartbeat_timeout_ms` is 0"),
    "group": (whole("start", worker_group="a b"), "`worker_group` is `a b`, which is no name"),
    "capability twice": (
        whole("start", required_capabilities=("a", "a")),
        "`required_capabilities` holds `a` twice",
    ),
    "concurrency of a task": (whole("start", max_task_concurrency=0), "`max_task_concurrency` is"),
    "limit": (whole("start", rate_limit=replace(LIMIT, limit=0)), "`rate_limit.limit` is 0"),
    "limit's period": (whole("start", rate_limit=RateLimit(1, 0)), "`rate_limit.period_ms` is 0"),
    "limit with a key": (
        whole("start", rate_limit=RateLimit(1, 1, INPUT)),
        "`rate_limit` has a `key`: see `keyed_rate_limit`",
    ),
    "limit without a key": (
        whole("start", keyed_rate_limit=LIMIT),
        "`keyed_rate_limit` has no `key`",
    ),
    "no delays": (whole("start", retry=Retry(strategy="listed")), "`delays_ms` goes with"),
    "delays too much": (whole("start", retry=Retry(delays_ms=(1,))), "`delays_ms` goes with"),
    "delay": (
        whole("start", retry=Retry(strategy="listed", delays_ms=(-1,))),
        "`delays_ms` is -1",
    ),
    "jitter": (whole("start", retry=Retry(jitter=1.5)), "`jitter` is 1.5, not 0 to 1"),
    "codes in disorder": (
        whole("start", retry=Retry(by_code=(("b", CodeRetry()), ("a", CodeRetry())))),
        "`by_code` is not in the order of its codes",
    ),
    "retries of a code": (
        whole("start", retry=Retry(by_code=(("b", CodeRetry(max_retries=-1)),))),
        "`by_code.b.max_retries` is -1",
    ),
    "loop": (whole("pages", max_iterations=0), "`max_iterations` is 0, not 1 to"),
    "delay of a loop": (whole("pages", delay_ms=-1), "`delay_ms` is -1"),
    "budget": (whole("think", budget=Budget(tokens=0)), "`budget.tokens` is 0"),
    "money": (whole("think", budget=Budget(usd=float("inf"))), "`budget.usd` is inf"),
    "items": (whole("fan", max_items=10_001), "`max_items` is 10001, not 1 to 10000"),
    "items at once": (whole("fan", max_concurrency=0), "`max_concurrency` is 0"),
    "tolerance": (whole("fan", tolerance=-1), "`tolerance` is -1"),
    "percents": (whole("fan", tolerance_percent=101.0), "`tolerance_percent` is 101.0, not 0 to"),
    "plan": (whole("plan", max_steps=101), "`max_steps` is 101, not 1 to 100"),
    "depth": (whole("plan", max_depth=0), "`max_depth` is 0"),
    "planned task": (whole("plan", allowed_tasks=("a b",)), "`allowed_tasks` is `a b`"),
    "planned type": (whole("plan", allowed_types=("task",)), "`allowed_types` is `task`, not one"),
    "new plans": (whole("plan", max_replans=11), "`max_replans` is 11"),
    "values without on": (whole("route", on=None), "`cases[0]` is to have a `when` and no"),
    "on without values": (
        whole("route", cases=(Case(2, ("a",)), Case(3, when=Literal(True)))),
        "`cases[1]` is to have `values` and no `when`",
    ),
    "value": (
        whole("route", cases=(Case(2, ({1},)), Case(3, (1,)))),
        "`cases[0].values` holds a value of type set",
    ),
    "quorum": (whole("gate", quorum=0), "`quorum` is 0, not 1 to 100"),
    "rejection": (whole("gate", on_reject="skip"), "`on_reject` is `skip`"),
    "half an escalation": (
        whole("gate", escalation_approvers=(), on_timeout="fail"),
        "`escalation_approvers` and `escalation_timeout_ms` come together",
    ),
    "escalation to nobody": (
        whole("gate", escalation_approvers=(), escalation_timeout_ms=None),
        "there is nobody to escalate to",
    ),
    "form": (whole("gate", form={"type": "text"}), "`form` is no JSON Schema"),
    "event": (whole("paid", event="a..b"), "`event` is `a..b`, which is no name of one"),
    "events": (whole("paid", count=0), "`count` is 0, not 1 to 1000"),
    "no event": (whole("paid", on_timeout="pause"), "`on_timeout` is `pause`"),
    "no bound of a wait": (whole("paid", timeout_ms=0), "`timeout_ms` is 0"),
    "sleep of no time": (whole("nap", duration=None), "it has 0 of `duration`, `until` and"),
    "sleep of two times": (whole("nap", cron="* * * * *"), "it has 2 of `duration`, `until`"),
    "no bound of a sleep": (whole("nap", max_duration_ms=0), "`max_duration_ms` is 0"),
    "child": (whole("pay", workflow="a.b"), "`workflow` is `a.b`"),
    "child's end": (whole("pay", on_parent_close="kill"), "`on_parent_close` is `kill`"),
    "child's retry": (whole("pay", retry=Retry(max_retries=-1)), "`max_retries` is -1"),
    "published": (whole("tell", event="a b"), "`event` is `a b`"),
    "status": (whole("answer", status=99), "`status` is 99, not 100 to 599"),
    "generations": (whole("next", max_generations=0), "`max_generations` is 0"),
    "code": (whole("stop", code="Out"), "`code` is `Out`, which is no name of one"),
    "label's name": (
        replace(WHOLE, labels=(("a b", Literal(1)),)),
        "`labels` is `a b`, which is no name",
    ),
    "label twice": (
        replace(WHOLE, labels=(("a", Literal(1)), ("a", Literal(1)))),
        "`labels` has a name twice",
    ),
    "secret twice": (replace(WHOLE, secrets=("TOKEN", "TOKEN")), "`secrets` holds `TOKEN` twice"),
    "tasks in disorder": (
        replace(WHOLE, task_outputs=(("b", True), ("a", True))),
        "`task_outputs` is not in the order of its tasks",
    ),
    "schema of a task": (
        replace(WHOLE, task_outputs=(("b", {"type": 1}),)),
        "`task_outputs.b` is no JSON Schema",
    ),
    "inputs of tasks in disorder": (
        replace(WHOLE, task_inputs=(("b", True), ("a", True))),
        "`task_inputs` is not in the order of its tasks",
    ),
    "schema of what a task takes": (
        replace(WHOLE, task_inputs=(("b", {"type": 1}),)),
        "`task_inputs.b` is no JSON Schema",
    ),
    "name of a task that takes something": (
        replace(WHOLE, task_inputs=(("b c", True),)),
        "`task_inputs` is `b c`, which is no",
    ),
    "schema of the output": (
        replace(WHOLE, output_schema={"type": 1}),
        "`output_schema` is no JSON Schema",
    ),
    "runs": (admitting(concurrency=Concurrency(0)), "`concurrency.max_runs` is 0"),
    "mode": (admitting(singleton=Singleton("wait")), "`singleton.mode` is `wait`"),
    "offset": (
        admitting(priority=Priority(INPUT, (("a", 600_001),))),
        "`priority` is 600001, not -600000 to 600000",
    ),
    "rules in disorder": (
        admitting(priority=Priority(INPUT, (("b", 1), ("a", 1)))),
        "`priority.rules_ms` is not in the order",
    ),
    "sticky": (admitting(sticky="very"), "`sticky` is `very`, not one of soft, hard"),
    "cancelling": (admitting(cancel_on=(CancelOn("a b"),)), "`cancel_on[0].event` is `a b`"),
    "key of steps": (
        admitting(idempotency_key=field("steps", "start")),
        "`idempotency_key`: `steps` does not exist here",
    ),
    "trigger": (started_by(Trigger("a", "moon", {})), "trigger 0 `a`: `kind` is `moon`"),
    "trigger's id": (started_by(Trigger("a b", "event", {"event": "e"})), "the id is `a b`"),
    "trigger twice": (
        started_by(*[Trigger("a", "event", {"event": "e"})] * 2),
        "trigger 1: the id `a` stands twice",
    ),
    "no config": (started_by(Trigger("a", "event", {})), "`config` has no `event`"),
    "config": (
        started_by(Trigger("a", "subject", {"subject": "s", "x": 1})),
        "`config` has `x`, which `subject` does not know",
    ),
    "match of a subject": (
        started_by(Trigger("a", "subject", {"subject": "s"}, match=Literal(True))),
        "`match` goes with events only",
    ),
    "debounce": (
        started_by(Trigger("a", "event", {"event": "e"}, debounce_timeout_ms=1)),
        "go with `debounce_ms` only",
    ),
    "trigger that reads the input": (
        started_by(Trigger("a", "event", {"event": "e"}, input=INPUT)),
        "`triggers.a.input`: `input` does not exist here",
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_breaks_a_rule_of_its_kind_is_reported_once(name: str) -> None:
    unsound, expected = KINDS[name]
    (found,) = verify(unsound)
    assert expected in found


@pytest.mark.slow
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
    "unknown of a namespace in the name": (call("math.pi"), "there is no function `math.pi`"),
    "namespace twice": (call("math.abs", ONE, on=Ident("math")), "there is no function `math.math"),
    "steps with a dot": (Select(Ident(".steps"), "a"), "`steps` is no value by itself"),
    "coerce of two": (call(COERCE, ONE, ONE), "`@double` does not take 2 operands"),
    "a hidden type": (
        Comprehension("map", INPUT, "net", Select(Select(Ident("net"), "IP"), "x"), Ident("nett")),
        "`nett` does not exist here",
    ),
    "a name with dots": (Ident("input.a"), "`input.a` does not exist here"),
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
    "coerce": call(COERCE, INPUT),
    "namespace in the name": call("math.abs", ONE),
    "function with a dot": call(".size", INPUT),
    "a type's name": Ident("google.protobuf.Timestamp"),
    "a type's name with a dot": Ident(".int"),
    "a type's name in parts": field("net", "IP"),
    "a root that is hidden": Comprehension("map", INPUT, "input", Ident(".input")),
    "namespace with a dot": call("abs", ONE, on=Ident(".math")),
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


@pytest.mark.slow
def test_the_largest_program_is_sound() -> None:
    assert verify(chain(STEPS_MAX)) == []


@pytest.mark.slow
def test_one_step_more_is_too_many() -> None:
    (found,) = verify(chain(STEPS_MAX + 1))
    assert "it has 20001 steps" in found


def test_everything_that_is_wrong_is_told() -> None:
    wrong = program(step("a", 7, timeout_ms=0), step("a", task="!"), name="")
    assert len(verify(wrong)) == 5
