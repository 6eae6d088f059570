import pytest

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.checking.check import check, references
from dagnats.expr.syntax.parser import Origin, parse_expression, parse_template_text
from dagnats.expr.types import (
    BOOL,
    DYN,
    INT,
    NULL,
    STRING,
    Enum,
    List,
    Map,
    Object,
    Union,
    display,
)

ORIGIN = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
DIFF = Object(
    {"files": (List(STRING), True), "risk": (Enum(("low", "high")), False)},
    name="steps.diff.output",
)
SCOPE = {
    "input": Object(
        {
            "count": (INT, True),
            "name": (STRING, True),
            "note": (Union((STRING, NULL)), True),
            "labels": (Map(STRING), True),
            "items": (List(Object({"id": (INT, True)}, name="item")), True),
        },
        name="input",
    ),
    "steps": Object(
        {"diff": (Object({"output": (DIFF, True)}, name="steps.diff"), True)}, name="steps"
    ),
    "loop": Object({"iteration": (INT, True)}, name="loop"),
    "result": DYN,
}


def judge(text, parser=parse_expression):
    sink = Sink()
    parsed = parser(text, ORIGIN, sink)
    assert parsed is not None
    checked = check(parsed.expr, parsed.spans, SCOPE, sink, where="in `when`")
    return checked.type, sink.sorted()


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("input.count + 1", "int"),
        ("input.count * 1.5", "double"),
        ("input.name + '!'", "string"),
        ("input.count > 1 && result.done", "bool"),
        ("result.anything.at.all", "dyn"),
        ("steps.diff.output.files", "list(string)"),
        ("steps['diff'].output.files[0]", "string"),
        ("steps.diff.output.?risk", 'optional("low" | "high")'),
        ("steps.diff.output.?risk.orValue('low') == 'high'", "bool"),
        ("input.items.map(i, i.id)", "list(int)"),
        ("input.items.filter(i, i.id > 1)", "list(item)"),
        ("input.labels.exists(k, k == 'a')", "bool"),
        ("input.labels.a", "string"),
        ("input.note == null", "bool"),
        ("size(input.items)", "int"),
        ("input.count > 0 ? 1 : 1.5", "int | double"),
        ("has(steps.diff.output.risk)", "bool"),
        ("math.greatest(1, input.count)", "int"),
        ("math.greatest(1, result)", "dyn"),
        ("math.least(result, input.count, 1)", "dyn"),
        ("[1, 2.0]", "list(int | double)"),
        ("optional.of(1).value()", "int"),
        # What may be an optional gives one where it is read.
        ("(result ? [[1]] : optional.of([['a']]))[0]", "list(int) | optional(list(string))"),
        ("(result ? [[1]] : optional.none())[0]", "list(int) | optional(dyn)"),
        ("(result ? {'k': 1} : optional.of({'k': 'a'})).k", 'int | optional("a")'),
        ("(result ? {'k': 1} : optional.of({'k': 'a'}))['k']", 'int | optional("a")'),
        ("(result ? {'k': 1} : optional.none()).k", "int | optional(dyn)"),
    ],
)
def test_types(text, type_):
    assert (display(judge(text)[0]), judge(text)[1]) == (type_, ())


@pytest.mark.parametrize(
    ("text", "code", "message", "columns", "help_"),
    [
        ("inptu.count", "DN4002", "`inptu` does not exist in `when`", (1, 6), "`input`"),
        ("zz", "DN4002", "`zz` does not exist in `when`", (1, 3), "here exist `input`"),
        ("steps[input.name]", "DN4002", "a step is named by a constant", (7, 17), "steps.id"),
        ("size(steps)", "DN4002", "`steps` alone is no value", (6, 11), "name a step"),
        ("cel.bid(n, 1, n + x)", "DN4003", "there is no function `cel.bid`", (1, 21), "cel.bind"),
        ("startWith('a')", "DN4003", "there is no function `startWith`", (1, 15), "startsWith"),
        ("input.count + 'a'", "DN4004", '`+` does not take an int and "a"', (1, 18), "(int, int)"),
        ("input.count == 'a'", "DN4004", '`==` does not take an int and "a"', (1, 19), None),
        ("input.count && true", "DN4004", "`&&` wants a bool, and this is an int", (1, 12), "> 0"),
        ("input.name.map(x, x)", "DN4004", "`map` goes over a list or a map", (1, 11), None),
        ("input.cuont", "DN5002", "`input` has no field `cuont`", (1, 12), "`count`"),
        ("input.count.x", "DN5002", "`x` is read from a value of type int", (1, 14), None),
        ("steps.dif.output", "DN5002", "`steps` has no field `dif`", (1, 10), "`diff`"),
        ("steps.diff.output.?risk == 'high'", "DN4004", "`==` does not", (1, 34), "orValue"),
        (
            "steps.diff.output.?risk.orValue('low') == 'hihg'",
            "DN4004",
            'this is never "hihg"',
            (43, 49),
            "`high`",
        ),
    ],
)
def test_findings(text, code, message, columns, help_):
    _, (found,) = judge(text)
    assert found.code == code
    assert found.message.startswith(message)
    assert (found.span.start.column, found.span.end.column) == columns
    assert help_ is None or help_ in found.help


def test_what_is_reported_once_is_not_reported_again():
    type_, found = judge("size(nope.a.b[0]) + 1 > 2 && nope.c == 'x'")
    assert len([d for d in found if d.code != "DN4002"]) == 0
    assert len(found) == 2
    assert type_ == BOOL


@pytest.mark.parametrize("text", ["input.items", "input.?items", "result.a ? [1] : null", "[]"])
def test_a_list_cannot_stand_inside_a_text(text):
    _, (found,) = judge(f"n: ${{{{ {text} }}}}", parse_template_text)
    assert (found.code, found.span.start.column) == ("DN4004", 8)
    assert "json.encode" in found.help


@pytest.mark.parametrize("text", ["input.name", "input.note", "null", "result.x", "input.?name"])
def test_a_scalar_or_null_can(text):
    assert judge(f"n: ${{{{ {text} }}}}", parse_template_text) == (STRING, ())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("steps.a.output + steps['b'].output", ["a", "b"]),
        ("has(steps.a.output) && steps.?b.hasValue() || steps[?'c'].hasValue()", ["a", "b", "c"]),
        ("[1].map(steps, steps.a) == [steps.b.output]", ["b"]),
        ("steps.a.output.map(x, x + steps.b.output)", ["a", "b"]),
        ("input.steps.a", []),
    ],
)
def test_references(text, names):
    parsed = parse_expression(text, ORIGIN, Sink())
    assert [name for name, _ in references(parsed.expr)] == names
    assert all(node.id in parsed.spans for _, node in references(parsed.expr))
