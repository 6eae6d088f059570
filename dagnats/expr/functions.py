"""The one table of builtins: each name with its signatures, its implementation and a line of help.

Operators are functions with CEL's names for them. An implementation takes the receiver first.
Types are checked at run time too: what is `dyn` to the checker may be anything.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dagnats.expr import library as lib
from dagnats.expr import lists, numbers, texts, values
from dagnats.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    List,
    Map,
    Optional,
    Type,
    join,
)

Result = Type | Callable[[tuple[Type, ...]], Type]


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function: what it takes (the receiver first) and gives."""

    params: tuple[Type, ...]
    result: Result
    method: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A builtin. One that `traverses` costs as much as its arguments are long."""

    name: str
    doc: str
    call: Callable[..., Any]
    overloads: tuple[Overload, ...]
    traverses: bool = False
    variadic: bool = False


LIST = List(DYN)
MAP = Map(DYN)
OPTIONAL = Optional(DYN)
STRINGS = List(STRING)


def _over(*params: Type, gives: Result) -> Overload:
    return Overload(params, gives)


def _method(*params: Type, gives: Result) -> Overload:
    return Overload(params, gives, method=True)


def _same(types: tuple[Type, ...]) -> Type:
    return types[0]


def _elem(types: tuple[Type, ...]) -> Type:
    return types[0].elem if isinstance(types[0], List) else DYN


def _flat(types: tuple[Type, ...]) -> Type:
    elem = _elem(types)
    return elem if isinstance(elem, List) else LIST


def _joined(types: tuple[Type, ...]) -> Type:
    return join(types[0], types[1])


def _at(types: tuple[Type, ...]) -> Type:
    container = types[0]
    if isinstance(container, List):
        return container.elem
    return container.value if isinstance(container, Map) else DYN


def _optional_at(types: tuple[Type, ...]) -> Type:
    return Optional(_at(types))


def _held(types: tuple[Type, ...]) -> Type:
    return types[0].of if isinstance(types[0], Optional) else DYN


def _held_or(types: tuple[Type, ...]) -> Type:
    return join(_held(types), types[1])


def _optional(types: tuple[Type, ...]) -> Type:
    return Optional(types[0])


def _number(types: tuple[Type, ...]) -> Type:
    result = types[0]
    for type_ in types[1:]:
        result = join(result, type_)
    return result


def _arithmetic() -> tuple[Overload, ...]:
    return _over(INT, INT, gives=INT), _over(DOUBLE, DOUBLE, gives=DOUBLE)


def _ordered() -> tuple[Overload, ...]:
    kinds = (INT, DOUBLE, STRING, BOOL)
    return tuple(_over(kind, kind, gives=BOOL) for kind in kinds)


def _operators() -> Iterable[Function]:
    strings, lists = _over(STRING, STRING, gives=STRING), _over(LIST, LIST, gives=_joined)
    any_two, two = _over(DYN, DYN, gives=BOOL), _arithmetic()
    yield Function("_+_", "add, or put together", values.add, (*two, strings, lists), True)
    yield Function("_-_", "subtract", values.subtract, two)
    yield Function("_*_", "multiply", values.multiply, two)
    yield Function("_/_", "divide; of integers, the whole part", values.divide, two)
    yield Function("_%_", "remainder of integers", values.modulo, two[:1])
    one = (_over(INT, gives=INT), _over(DOUBLE, gives=DOUBLE))
    yield Function("-_", "negate", values.negate, one)
    yield Function("!_", "not", lib.invert, (_over(BOOL, gives=BOOL),))
    yield Function("_==_", "equal", values.equal, (any_two,), True)
    yield Function("_!=_", "not equal", lib.unequal, (any_two,), True)
    yield Function("_<_", "less", lib.less, _ordered())
    yield Function("_<=_", "at most", lib.at_most, _ordered())
    yield Function("_>_", "greater", lib.greater, _ordered())
    yield Function("_>=_", "at least", lib.at_least, _ordered())
    held = (_over(DYN, LIST, gives=BOOL), _over(STRING, MAP, gives=BOOL))
    yield Function("@in", "an element of a list, or a key of a map", values.contains, held, True)
    lookups = ((LIST, INT), (MAP, STRING))
    at = tuple(Overload(pair, _at) for pair in lookups)
    yield Function("_[_]", "the element at an index, the value of a key", values.item, at)
    maybe = tuple(Overload(pair, _optional_at) for pair in lookups)
    yield Function("_[?_]", "the element or nothing", values.optional_field, maybe)


def _conversions() -> Iterable[Function]:
    scalars = (INT, DOUBLE, BOOL, STRING)
    sizes = tuple(
        Overload((kind,), INT, method) for kind in (STRING, LIST, MAP) for method in (False, True)
    )
    yield Function("size", "characters, items or entries", lib.size, sizes)
    to_string = tuple(_over(kind, gives=STRING) for kind in scalars)
    yield Function("string", "as a text", lib.to_string, to_string)
    to_int = tuple(_over(kind, gives=INT) for kind in (INT, DOUBLE, STRING))
    yield Function("int", "as an integer, the fraction cut off", lib.to_int, to_int)
    to_double = tuple(_over(kind, gives=DOUBLE) for kind in (INT, DOUBLE, STRING))
    yield Function("double", "as a double", lib.to_double, to_double)
    to_bool = tuple(_over(kind, gives=BOOL) for kind in (BOOL, STRING))
    yield Function("bool", "as a bool", lib.to_bool, to_bool)
    yield Function("dyn", "the same, unchecked", lib.same, (_over(DYN, gives=DYN),))
    encode = (_over(DYN, gives=STRING),)
    yield Function("json.encode", "as JSON text", lib.json_encode, encode, True)
    decode = (_over(STRING, gives=DYN),)
    yield Function("json.parse", "the value of JSON text", lib.json_parse, decode, True)


def _strings() -> Iterable[Function]:
    def text(name: str, doc: str, call: Callable[..., Any], *more: Overload) -> Function:
        return Function(name, doc, call, more, True)

    one = _method(STRING, gives=STRING)
    test = _method(STRING, STRING, gives=BOOL)
    find = (_method(STRING, STRING, gives=INT), _method(STRING, STRING, INT, gives=INT))
    yield text("contains", "whether it holds a text", texts.text_contains, test)
    yield text("startsWith", "whether it begins with a text", texts.starts_with, test)
    yield text("endsWith", "whether it ends with a text", texts.ends_with, test)
    matches = (test, _over(STRING, STRING, gives=BOOL))
    yield text("matches", "whether a pattern (RE2) is found in it", texts.matches, *matches)
    yield text("lowerAscii", "A to Z made small", texts.lower_ascii, one)
    yield text("upperAscii", "a to z made capital", texts.upper_ascii, one)
    yield text("trim", "without white space at the ends", texts.trim, one)
    at = _method(STRING, INT, gives=STRING)
    yield text("charAt", "the character at an index", texts.char_at, at)
    yield text("indexOf", "where a text first stands, or -1", texts.index_of, *find)
    yield text("lastIndexOf", "where a text last stands, or -1", texts.last_index_of, *find)
    part = (at, _method(STRING, INT, INT, gives=STRING))
    yield text("substring", "from an index up to another", texts.substring, *part)
    three = (STRING, STRING, STRING)
    swap = (_method(*three, gives=STRING), _method(*three, INT, gives=STRING))
    yield text("replace", "with one text for another", texts.replace, *swap)
    cut = (_method(STRING, STRING, gives=STRINGS), _method(STRING, STRING, INT, gives=STRINGS))
    yield text("split", "the texts between separators", texts.split, *cut)
    glue = (_method(STRINGS, gives=STRING), _method(STRINGS, STRING, gives=STRING))
    yield text("join", "the texts put together", texts.join_texts, *glue)
    yield text("strings.quote", "in quotes, with escapes", texts.quote, _over(STRING, gives=STRING))


def _math() -> Iterable[Function]:
    number = (_over(INT, gives=INT), _over(DOUBLE, gives=DOUBLE))
    many = (_over(DOUBLE, gives=_number), _over(LIST, gives=_elem))
    rounded = (_over(DOUBLE, gives=DOUBLE),)
    test = (_over(DOUBLE, gives=BOOL),)
    one, two = _over(INT, gives=INT), _over(INT, INT, gives=INT)
    yield Function("math.greatest", "the greatest", numbers.greatest, many, True, variadic=True)
    yield Function("math.least", "the least", numbers.least, many, True, variadic=True)
    yield Function("math.abs", "without its sign", numbers.absolute, number)
    yield Function("math.sign", "-1, 0 or 1", numbers.sign, number)
    yield Function("math.ceil", "rounded up", numbers.ceil, rounded)
    yield Function("math.floor", "rounded down", numbers.floor, rounded)
    yield Function("math.round", "rounded, halves away from zero", numbers.round_half, rounded)
    yield Function("math.trunc", "the fraction cut off", numbers.trunc, rounded)
    yield Function("math.sqrt", "square root", numbers.sqrt, rounded)
    yield Function("math.isNaN", "whether it is no number", numbers.is_nan, test)
    yield Function("math.isInf", "whether it is infinite", numbers.is_inf, test)
    yield Function("math.isFinite", "whether it is finite", numbers.is_finite, test)
    yield Function("math.bitAnd", "bitwise and", numbers.bit_and, (two,))
    yield Function("math.bitOr", "bitwise or", numbers.bit_or, (two,))
    yield Function("math.bitXor", "bitwise exclusive or", numbers.bit_xor, (two,))
    yield Function("math.bitNot", "bitwise not", numbers.bit_not, (one,))
    yield Function("math.bitShiftLeft", "bits moved up", numbers.shift_left, (two,))
    yield Function("math.bitShiftRight", "bits moved down", numbers.shift_right, (two,))


def _lists() -> Iterable[Function]:
    same = (_method(LIST, gives=_same),)
    yield Function("distinct", "each element once", lists.distinct, same, True)
    both = (*same, _method(STRING, gives=STRING))
    yield Function("reverse", "the other way round", lists.reverse, both, True)
    yield Function("sort", "in ascending order", lists.sort, same, True)
    part = (_method(LIST, INT, INT, gives=_same),)
    yield Function("slice", "from an index up to another", lists.slice_list, part, True)
    flat = (_method(LIST, gives=_flat), _method(LIST, INT, gives=LIST))
    yield Function("flatten", "the elements of its lists", lists.flatten, flat, True)
    whole = (_over(INT, gives=List(INT)),)
    yield Function("lists.range", "the integers from 0 up to one", lists.count, whole)
    end = (_method(LIST, gives=lambda types: Optional(_elem(types))),)
    yield Function("first", "the first element or nothing", lists.first, end)
    yield Function("last", "the last element or nothing", lists.last, end)
    pair = (_over(LIST, LIST, gives=BOOL),)
    yield Function("sets.contains", "whether all of b are in a", lists.set_contains, pair, True)
    yield Function("sets.equivalent", "whether each is in the other", lists.set_equal, pair, True)
    yield Function("sets.intersects", "whether any is in both", lists.set_meets, pair, True)


def _optionals() -> Iterable[Function]:
    wrap = (_over(DYN, gives=_optional),)
    yield Function("optional.of", "an optional with a value", values.Present, wrap)
    yield Function("optional.ofNonZeroValue", "one, unless zero or empty", lib.of_non_zero, wrap)
    yield Function("optional.none", "an optional without", lib.none, (_over(gives=OPTIONAL),))
    test = (_method(OPTIONAL, gives=BOOL),)
    yield Function("hasValue", "whether there is a value", lib.has_value, test)
    yield Function("value", "the value, or an error", lib.value, (_method(OPTIONAL, gives=_held),))
    other = (_method(OPTIONAL, DYN, gives=_held_or),)
    yield Function("orValue", "the value, or another", lib.or_value, other)
    either = (_method(OPTIONAL, OPTIONAL, gives=_joined),)
    yield Function("or", "this optional, or another", lib.or_optional, either)


FUNCTIONS: dict[str, Function] = {
    function.name: function
    for group in (_operators, _conversions, _strings, _math, _lists, _optionals)
    for function in group()
}
"""By name; those of a namespace have it in their name, as `math.abs`."""

NAMESPACES = frozenset(name.split(".")[0] for name in FUNCTIONS if "." in name)
