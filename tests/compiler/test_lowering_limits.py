"""Values may be as large as the schemas of a document declare: estimated and evaluated alike."""

import json

import pytest

from dagnats.compiler.limits import evaluation_limits
from dagnats.expr.limits import LIMITS
from dagnats.ir import codec
from dagnats.ir.costs import VALUE_CHARS_MAX, VALUE_ITEMS_MAX
from dagnats.ir.program import ValueLimits
from dagnats.machine.prepared import TOP, prepare
from tests.compiler.proving import program_of, proven

USUAL = (LIMITS.list_items_max, LIMITS.string_chars_max)
STEP = "steps: [{id: a, task: t, when: 'input.a.all(x, x > 0)'}]\n"


def text(schema: str) -> str:
    head = "{type: object, required: [a], properties: {a: "
    return f"name: w\ninput: {head}{schema}}}}}\n{STEP}"


@pytest.mark.parametrize(
    ("schema", "items", "chars"),
    [
        ("{type: array, items: {type: integer}}", *USUAL),
        ("{type: array, maxItems: 5, items: {type: integer}}", *USUAL),
        ("{type: array, maxItems: 50000, items: {type: integer}}", 50_000, USUAL[1]),
        ("{type: array, maxItems: 900000000, items: {type: integer}}", VALUE_ITEMS_MAX, USUAL[1]),
        ("{type: array, items: {type: integer}}, b: {type: string, maxLength: 70000}", USUAL[0],
         70_000),
        ("{type: array, items: {type: integer}}, b: {type: string, maxLength: 99000000}", USUAL[0],
         VALUE_CHARS_MAX),
        ("{type: array, items: {type: integer}}, maxItems: {type: string}", *USUAL),
    ],
)  # fmt: skip
def test_limits_are_what_is_declared(schema: str, items: int, chars: int) -> None:
    found = evaluation_limits(proven(text(schema)).ground.workflow)
    assert (found.list_items_max, found.string_chars_max) == (items, chars)
    assert program_of(text(schema)).limits == ValueLimits(items, chars)


def test_schemas_are_found_wherever_they_stand() -> None:
    array = "{type: array, maxItems: 20000}"
    places = [
        f"output_schema: {array}\noutput: []\nsteps: [{{id: a, task: t}}]",
        f"tasks: {{t: {{output: {array}}}}}\nsteps: [{{id: a, task: t}}]",
        f"events: {{e: {array}}}\nsteps: [{{id: a, type: emit, config: {{event: e, data: []}}}}]",
        (
            "steps: [{id: l, type: loop, config: {max_iterations: 1, "
            "steps: [{id: a, type: approval, "
            f"config: {{timeout: 1h, form: {array}}}}}]}}}}]"
        ),
    ]
    for place in places:
        assert evaluation_limits(proven(f"name: w\n{place}\n").ground.workflow).list_items_max == (
            20_000
        ), place


@pytest.mark.parametrize("count", [10_001, 40_000])
def test_what_a_schema_allows_is_evaluated(count: int) -> None:
    schema = "{type: array, maxItems: 50000, items: {type: integer}}"
    program = codec.load(codec.encode(program_of(text(schema))))
    formula = prepare(program, "sha256:test").scopes[TOP].when[0]
    assert formula is not None
    roots = {"input": {"a": [1] * count}, "steps": {}, "run": {}}
    assert formula.evaluate(roots) is True
    assert program.certificate.expression_cost.max == 3 + 50_000 * 5


def test_usual_limits_are_left_out() -> None:
    document = json.loads(codec.encode(program_of("name: w\nsteps: [{id: a, task: t}]")))
    assert "limits" not in document
