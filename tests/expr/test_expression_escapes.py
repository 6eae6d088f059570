"""Nothing of Python is in reach: texts and data made to break out give values or typed errors."""

import ast
import contextlib
import json
from typing import Any

import pytest

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr.evaluation.codegen import Writer
from dagnats.expr.evaluation.evaluator import MISS, EvaluationError, Evaluator
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.kinds import Uint
from dagnats.expr.signatures import Function, over
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.expr.types import BOOL, DYN
from tests.expr.trees import exactly, parse, quickly, shape

DATA: dict[str, Any] = {
    "a": {"s": "text", "n": 1, "l": [1, 2], "m": {"k": 1}, "f": 1.5, "t": True, "z": None},
    "r": {"k": 1},
    "M": 5,
}
ATTEMPTS = [
    "__class__",
    "__import__",
    "__builtins__",
    "__import__('os').system('true')",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "globals()",
    "getattr(a, 's')",
    "print(a)",
    "type.__class__",
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "a.__class__",
    "a.__init__.__globals__",
    "a.s.__class__",
    "a.s.upper()",
    "a.s.join",
    "a.l.append(3)",
    "a.l.append",
    "a.m.keys()",
    "a.m.items",
    "a.m.__getitem__('k')",
    "a.n.real",
    "a.f.is_integer()",
    "a.t.__int__()",
    "a['__class__']",
    "a.l['append']",
    "a.s[0]",
    "a.l[-1]",
    "a.?__class__.hasValue()",
    "has(a.__class__)",
    "a.`__class__`",
    "a.`x'); import os; ('`",
    'a.`\\"]`',
    "a['\\n    return 1\\n']",
    "a['\\\\'] + \"'''\" + '\"\"\"'",
    "{'__class__': 1}.__class__",
    "{'a\\nb': 1, '}': 2, '{0}': 3, '%s': 4}",
    "'%s %d'.format(['{0.__class__}', 1])",
    "'{a.__class__}'.format([])",
    "'{0}'.format(['x'])",
    "'%.99999f'.format([1.0])",
    "'%n'.format([1])",
    "a.l.map(__class__, __class__)",
    "a.l.map(r, r)",
    "a.l.map(k, k + 1)",
    "a.l.map(t1, t1).map(v1, v1).map(c1, c1)",
    "a.l.exists(run, run == 1)",
    "cel.bind(__builtins__, a.n, __builtins__ + 1)",
    "cel.bind(None, a.n, None)",
    "cel.bind(lambda, 1, lambda + 1)",
    "cel.bind(def, 1, def) + cel.bind(yield, 2, yield)",
    "r.k + M",
    "int.__class__",
    "string.mro()",
    "duration('1s').ns",
    "timestamp('2020-01-01T00:00:00Z').ns",
    "optional.of(a).value.__class__",
    "optional.of(a).value().__class__",
    "type(a).name",
    "type(a).__class__",
    "ip('1.2.3.4').ip",
    "b'abc'.decode()",
    "b'abc'[0]",
    "1u.__class__",
    "'a' * 1000000000",
    "[1] * 3",
    "True",
    "None",
    "self",
    "a.s % 3",
    "'%s' % 3",
    "a.n.__add__(1)",
    "a.s.format.__globals__",
    "@double(1)",
    "_+_(1, 2)",
    "a.n if true else 2",
    "[x for x in a.l]",
    "lambda: 1",
    "a := 1",
    "a.n; a.n",
]


@pytest.mark.parametrize("text", ATTEMPTS)
def test_what_reaches_for_python_gets_nothing(text: str) -> None:
    sink = Sink()
    parsed = parse_expression(text, Origin(Position(0, 1, 1), NOWHERE, verbatim=True), sink)
    if parsed is None:
        assert sink.has_errors
        return
    evaluator = Evaluator(parsed.expr)
    found, right = quickly(evaluator, DATA), exactly(evaluator, DATA)
    assert found is MISS or found == right
    with contextlib.suppress(EvaluationError):
        json.dumps(evaluator.evaluate(DATA), allow_nan=False)


@pytest.mark.parametrize("text", ATTEMPTS)
def test_what_is_written_has_generated_names_only(text: str) -> None:
    sink = Sink()
    parsed = parse_expression(text, Origin(Position(0, 1, 1), NOWHERE, verbatim=True), sink)
    if parsed is None:
        return
    evaluator = Evaluator(parsed.expr)
    writer = Writer(evaluator._rules, MISS, counts=True)
    tree = ast.parse(writer.function_of(parsed.expr))
    assert writer.out.names["__builtins__"] == {}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name):
                assert name in {"r", "k"} or (name[0] in "ctvf" and name[1:].isdigit())
            case ast.Attribute(attr=name):
                assert name in {"append", "value"}
            case ast.FunctionDef(name=name):
                assert name == "run" or (name[0] == "f" and name[1:].isdigit())
            case ast.Constant(value=value):
                assert type(value) is bool or value in {0, 1}
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Lambda() | ast.JoinedStr():
                raise AssertionError(ast.dump(node))
            case _:
                pass


def refuse(*_: Any) -> Any:
    raise RuntimeError("code of the data ran")


class Text(str):
    """A text with code in it."""

    __slots__ = ()
    __eq__ = __add__ = __len__ = __contains__ = __getitem__ = refuse
    __hash__ = str.__hash__


class Number(int):
    """A number with code in it."""

    __eq__ = __add__ = __radd__ = __lt__ = __gt__ = __mul__ = __index__ = __bool__ = refuse
    __hash__ = int.__hash__


class Mapping(dict):  # type: ignore[type-arg]
    """A map with code in it."""

    __getitem__ = __contains__ = __len__ = __iter__ = get = items = keys = refuse


class Items(list):  # type: ignore[type-arg]
    """A list with code in it."""

    __getitem__ = __contains__ = __len__ = __iter__ = __add__ = refuse


class Anything:
    """Nothing that JSON knows."""

    __getattr__ = __getitem__ = __call__ = __len__ = __bool__ = __iter__ = refuse


HOSTILE = [Text("x"), Number(1), Mapping(x=1), Items([1]), Anything(), refuse, object, ...]
USES = [
    "h.x", "h.?x", "h[0]", "h['x']", "h[?'x']", "has(h.x)", "h + 1", "h + 'a'", "h + [1]", "h * 2",
    "h / 2", "h % 2", "-h", "!h", "h == 1", "h == 'x'", "h != null", "h == a", "h < 2", "h < 'y'",
    "h >= a", "h in [1]", "h in ['x', 'y']", "1 in h", "h && true", "h || false", "h ? 1 : 2",
    "size(h)", "h.size()", "h.all(v, true)", "h.exists(v, v == 1)", "h.map(v, v)",
    "h.filter(v, true)", "h.transformList(i, v, v)", "h.transformMap(k, v, v)", "h.sortBy(v, v)",
    "cel.bind(v, h, v + 1)", "h.optMap(v, v)", "h.orValue(1)", "{h: 1}", "h.startsWith('x')",
    "h.contains('x')", "h.upperAscii()", "h.split('x')", "h.join()", "math.greatest(h, 1)",
    "a.l.map(v, h)", "a.l.sortBy(v, h)", "'%s'.format([h])", "a.l[h]", "a.m[h]", "h.value()",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda value: type(value).__name__)
def test_code_in_the_data_does_not_run(hostile: Any) -> None:
    roots = {**DATA, "h": hostile}
    for text in USES:
        evaluator = Evaluator(parse(text))
        for evaluate in (evaluator.counted, evaluator.value, evaluator.value):
            with contextlib.suppress(EvaluationError):
                evaluate(roots)


def test_functions_with_names_of_builtins_are_those_that_were_given() -> None:
    given = [
        Function(name, "", lambda value: [value, "mine"], (over(DYN, gives=DYN),))
        for name in ("eval", "len", "print", "__import__", "t1", "run", "os.system", "type")
    ]
    functions = {**FUNCTIONS, **{function.name: function for function in given}}
    for function in given:
        evaluator = Evaluator(parse(f"{function.name}(a.n)"), functions=functions)
        assert quickly(evaluator, DATA) == shape([1, "mine"]) == exactly(evaluator, DATA)


def test_a_function_that_gives_something_else_than_it_declares_changes_no_meaning() -> None:
    lying = Function("odd", "", lambda value: value, (over(DYN, gives=BOOL),))
    functions = {**FUNCTIONS, "odd": lying}
    for text in ("odd(a.n) && true", "!odd(a.n)", "odd(a.n) == true", "odd(a.n) ? 1 : 2"):
        evaluator = Evaluator(parse(text), functions=functions)
        found = quickly(evaluator, DATA)
        assert found is MISS or found == exactly(evaluator, DATA)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a == true", False),
        ("1 in [a]", False),
        ("[1].exists(x, x == a)", False),
        ("{'a': a} == {'a': 1}", False),
        ("a == 1.0 || a == 1u", False),
        ("a != 1", True),
    ],
)
def test_true_is_not_one(text: str, value: object) -> None:
    one, true = Evaluator(parse(text)), {"a": True}
    if text == "a == true":
        assert quickly(one, true) == shape(True)
        return
    for evaluate in (quickly, exactly):
        assert evaluate(one, true) == shape(value)


def test_numbers_of_other_kinds_do_not_mix_in_arithmetic() -> None:
    for roots in ({"a": Uint(1)}, {"a": True}, {"a": "1"}):
        evaluator = Evaluator(parse("a + 1"))
        assert quickly(evaluator, roots) is MISS
        assert exactly(evaluator, roots) == "type"
