"""What is no error of types and yet not meant: decided conditions, idle names, bad constants."""

import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.expr.checking.check import check_condition
from dagnats.expr.syntax.parser import parse_expression
from dagnats.expr.types import DYN
from tests.expr.checking import ORIGIN, codes, judged, scope_of

SCOPE = {
    **scope_of(
        input={
            "type": "object",
            "required": ["n", "d", "flag", "risk", "other", "note"],
            "properties": {
                "n": {"type": "integer"},
                "d": {"type": "number"},
                "flag": {"type": "boolean"},
                "risk": {"enum": ["low", "high"]},
                "other": {"enum": ["red", "blue"]},
                "note": {"type": ["string", "null"]},
                "text": {"type": "string", "default": 'a "b"'},
                "count": {"type": "integer", "default": 5},
                "rate": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "more": {"type": "object", "properties": {"a": {"type": "integer"}}},
                "a-b": {"type": "boolean"},
                "kind": {"enum": ["x", "y"]},
            },
        }
    ),
    "any": DYN,
}


def condition(text):
    sink = Sink()
    parsed = parse_expression(text, ORIGIN, sink)
    check_condition(parsed.expr, parsed.spans, SCOPE, sink, key="when")
    return sink.sorted()


@pytest.mark.parametrize(
    ("text", "value", "columns"),
    [
        ("true || input.flag", "true", (1, 19)),
        ("input.flag || true", "true", (1, 19)),
        ("input.flag && false", "false", (1, 20)),
        ("1 > 2", "false", (1, 6)),
        ("'a' == 'a'", "true", (1, 11)),
        ("!(1 > 2)", "true", (1, 9)),
        ("1 > 2 || 2 > 1", "true", (1, 15)),
        ("input.flag && 2 > 1", "true", (15, 20)),
        ("input.flag || (1 > 2 && input.flag)", "false", (16, 35)),
        ("[1].exists(x, 1 == 1)", "true", (15, 21)),
        ("[1].all(x, x > 1 || true)", "true", (12, 25)),
        ("true ? input.flag : any.x", "true", (1, 5)),
        ("(1 > 2 ? input.flag : any.x) == true", "false", (2, 7)),
    ],
)
def test_conditions_that_are_decided(text, value, columns):
    (found,) = condition(text)
    assert (found.code, found.severity) == ("DN4007", Severity.WARNING)
    assert found.message == f"this condition is always {value}"
    assert (found.span.start.column, found.span.end.column) == columns


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "false",
        "input.flag && true",
        "input.flag || false",
        "[1].all(x, true)",
        "[1 > 2] == [input.flag]",
        "input.n > 1 == true",
    ],
)
def test_conditions_that_are_not(text):
    assert condition(text) == ()


@pytest.mark.parametrize(
    ("text", "code", "severity", "message"),
    [
        ("input.n == null", "DN4008", "warning", "this is never null: it is an int"),
        ("null != input.n", "DN4008", "warning", "this is never null: it is an int"),
        ("input.risk == input.other", "DN4008", "warning", '"low" | "high" and "red" | "blue"'),
        ("'a' in {1: 'x', 2u: 'y'}", "DN4008", "warning", '"a" is never among int | uint'),
        ("input.risk == 'hgih'", "DN4004", "error", 'this is never "hgih"'),
        ("input.n == 'a'", "DN4004", "error", "`==` does not take"),
        ("input.n / 2 * 1.5", "DN4009", "info", "this divides integers"),
        ("input.d > input.n / 2", "DN4009", "info", "this divides integers"),
        ("input.d == input.n / 2", "DN4009", "info", "this divides integers"),
        ("[1].map(input, input)", "DN4010", "warning", "the variable `input` hides"),
        ("[[1]].map(x, x.map(x, x))", "DN4010", "warning", "the variable `x` hides"),
        ("[1].all(any, x, x > 1)", "DN4010", "warning", "the variable `any` hides"),
        ("cel.bind(x, 1, 2)", "DN4011", "warning", "the variable `x` is never read"),
        ("cel.bind(x, 1, any.x)", "DN4011", "warning", "the variable `x` is never read"),
        ("any.s.matches('[a')", "DN4012", "error", "`matches` refuses this constant"),
        ("timestamp('yesterday')", "DN4012", "error", "`timestamp` refuses this constant"),
        ("duration('1 day')", "DN4012", "error", "`duration` refuses this constant"),
        ("ip('1.2.3')", "DN4012", "error", "`ip` refuses this constant"),
        ("cidr('1.2.3.4')", "DN4012", "error", "`cidr` refuses this constant"),
        ("timestamp(0).getHours('Nowhere/At')", "DN4012", "error", "`getHours` refuses"),
        ("regex.replace(any.s, '(', '')", "DN4012", "error", "`regex.replace` refuses"),
    ],
)
def test_findings(text, code, severity, message):
    (found,) = judged(text, SCOPE)[1]
    assert (found.code, found.severity) == (code, severity)
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "input.note == null",
        "any.x == null",
        "[1].map(x, 2)",
        "[1].map(x, x) + [2].map(x, x)",
        "cel.bind(x, 1, [1].map(y, x + y))",
        "input.n / 2 > 1",
        "double(input.n) / 2 * 1.5",
        "input.risk == 'low' || input.risk == 'high'",
        "cel.bind(x, 'a', x == 'b')",
        "['a'][0] == 'b'",
        "any.s.matches('[a]') && any.s.matches(any.p)",
        "timestamp('2024-01-01T00:00:00Z') > timestamp(any.t)",
    ],
)
def test_what_is_fine(text):
    assert judged(text, SCOPE)[1] == ()


@pytest.mark.parametrize(
    ("text", "fixed", "kind"),
    [
        ("input.text == 'x'", 'input.?text.orValue("a \\"b\\"") == \'x\'', "safe"),
        ("input.count > 1", "input.?count.orValue(5) > 1", "safe"),
        ("1.5 < input.rate", "1.5 < input.?rate.orValue(0.0)", "unsafe"),
        ("'a' in input.tags", "'a' in input.?tags.orValue([])", "unsafe"),
        ("input['count'] > 1", "input[?'count'].orValue(5) > 1", "safe"),
        ("input .count > 1", None, None),
        ("(input).count > 1", None, None),
        ("input.`a-b`", None, None),
        ("input.kind == 'x'", None, None),
    ],
)
def test_the_fix_of_a_missing_field(text, fixed, kind):
    (found,) = judged(text, SCOPE)[1]
    assert found.code == "DN4006"
    if fixed is None:
        assert found.fixes == ()
        return
    (fix,) = found.fixes
    assert fix.applicability == kind
    result = text
    for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
        start, end = edit.span.start.offset, edit.span.end.offset
        result = result[:start] + edit.text + result[end:]
    assert result == fixed
    assert judged(fixed, SCOPE)[1] == ()


def test_a_field_of_what_may_be_missing_has_no_fix():
    found = judged("input.more.a > 1", SCOPE)[1]
    assert codes(found) == ["DN4006", "DN4006"]
    assert found[0].fixes == ()


def test_what_is_reported_is_not_reported_again():
    found = judged("nope.x && (nope.y + 1 > 2 || any[nope]) ? input.nope.z : size(nope)", SCOPE)[1]
    assert codes(found) == ["DN4002", "DN4002", "DN4002", "DN5002", "DN4002"]
