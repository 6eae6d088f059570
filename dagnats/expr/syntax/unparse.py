"""Trees back to text: what an author could have written to get the tree.

`unparse` gives bare CEL, `unparse_template` a JSON value whose strings hold `${{ … }}`.

_+_(_*_(a, b), size(c))    →  a * b + size(c)
"""

import math
import re
from typing import Any

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
from dagnats.expr.kinds import Uint

_EXPR, _OR, _AND, _RELATION, _SUM, _PRODUCT, _UNARY, _MEMBER = range(8)
"""How tight a text binds; where a tighter one is wanted, it gets parentheses."""

_BINARY = {
    **{f"_{sign}_": (sign, _RELATION) for sign in ("<", "<=", ">", ">=", "==", "!=")},
    "@in": ("in", _RELATION),
    **{f"_{sign}_": (sign, _SUM) for sign in ("+", "-")},
    **{f"_{sign}_": (sign, _PRODUCT) for sign in ("*", "/", "%")},
}
_CHAINS = {"_||_": ("||", _OR), "_&&_": ("&&", _AND)}
_SIGNS = {"!_": "!", "-_": "-"}
_IDENT = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_QUOTABLE = re.compile(r"[a-zA-Z0-9_.\-/ ]+")
_NO_FIELDS = frozenset({"true", "false", "null", "in"})
_GENERATED = re.compile(r"@(it|ac):(\d+):(\d+)|@index(\d+)")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = re.compile('["\\\\\x00-\x1f\x7f\u0085\u2028\u2029]')
_OPEN = "${{"

_Text = tuple[str, int]
"""A text, and how tight it binds."""


def unparse(expr: Expr) -> str:
    """Return CEL that parses to the tree.

    What no text says is written as what means the same: a constant list or object as a display,
    the parts of an interpolation as a sum, and without a promotion to double.
    """
    return _write(expr)[0]


def unparse_template(expr: Expr) -> Any:
    """Return the JSON value that a template was: its constants, and the rest in `${{ … }}`."""
    match expr:
        case Literal(value=value) if not isinstance(value, Uint | bytes):
            return _escaped(value)
        case Call(function=function, target=None, args=args) if function == INTERPOLATE:
            return _joined(args)
        case ListOf(items=items, optional=()):
            return [unparse_template(item) for item in items]
        case MapOf(entries=entries, optional=()) if _is_object(entries):
            return {key.value: unparse_template(value) for key, value in entries}  # type: ignore[union-attr]
        case _:
            return _embedded(expr)


def _joined(parts: tuple[Expr, ...]) -> str:
    """Write the parts of a string; a text behind a text was a constant of its own."""
    written: list[str] = []
    is_behind_text = False
    for part in parts:
        is_plain = _is_text(part) and not is_behind_text
        written.append(_escaped(part.value) if is_plain else _embedded(part))  # type: ignore[union-attr]
        is_behind_text = is_plain
    return "".join(written)


def _embedded(expr: Expr) -> str:
    return f"${{{{ {unparse(expr)} }}}}"


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and isinstance(expr.value, str)


def _is_object(entries: tuple[tuple[Expr, Expr], ...]) -> bool:
    keys = {key.value for key, _ in entries if isinstance(key, Literal) and _is_text(key)}
    return len(keys) == len(entries)


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return value.replace(_OPEN, f"${_OPEN}")
        case list():
            return [_escaped(item) for item in value]
        case dict():
            return {key: _escaped(item) for key, item in value.items()}
        case _:
            return value


def _write(expr: Expr) -> _Text:
    match expr:
        case Literal(value=value):
            return _constant(value)
        case Ident(name=name):
            return _name(name), _MEMBER
        case Select():
            return _select(expr)
        case Call():
            return _call(expr)
        case ListOf(items=items, optional=optional):
            return f"[{', '.join(_items([unparse(item) for item in items], optional))}]", _MEMBER
        case MapOf(entries=entries, optional=optional):
            written = [f"{_in(key, _OR)}: {unparse(value)}" for key, value in entries]
            return f"{{{', '.join(_items(written, optional))}}}", _MEMBER
        case Comprehension():
            return _comprehension(expr), _MEMBER


def _in(expr: Expr, wanted: int) -> str:
    """Return the text of a part, in parentheses unless it binds as tight as wanted."""
    text, tight = _write(expr)
    return text if tight >= wanted else f"({text})"


def _receiver(expr: Expr) -> str:
    """Return the text of what stands left of a dot or a bracket.

    A number gets parentheses: `1.5.f()` is none too clear, and a sign before it would join it.
    """
    text = _in(expr, _MEMBER)
    return f"({text})" if text[0].isdigit() else text


def _items(written: list[str], optional: tuple[int, ...]) -> list[str]:
    return [f"?{text}" if i in optional else text for i, text in enumerate(written)]


def _arguments(args: tuple[Expr, ...]) -> str:
    # A loop and no generator: trees are deep, and Python's stack is not.
    written = []
    for arg in args:
        written.append(_write(arg)[0])  # noqa: PERF401
    return ", ".join(written)


def _name(name: str) -> str:
    generated = _GENERATED.fullmatch(name)
    if generated is None:
        return name
    if generated[4] is not None:
        return f"cel.index({generated[4]})"
    return f"cel.{'iter' if generated[1] == 'it' else 'accu'}Var({generated[2]}, {generated[3]})"


def _select(expr: Select) -> _Text:
    dot = ".?" if expr.optional else "."
    field = expr.field
    if not _IDENT.fullmatch(field) or field in _NO_FIELDS:
        if not _QUOTABLE.fullmatch(field):
            return _element(expr)
        field = f"`{field}`"
    text = f"{_receiver(expr.operand)}{dot}{field}"
    return (f"has({text})" if expr.test else text), _MEMBER


def _element(expr: Select) -> _Text:
    """Write a field that only a string can name as an element."""
    if expr.test:
        return f"{_string(expr.field)} in {_in(expr.operand, _SUM)}", _RELATION
    mark = "?" if expr.optional else ""
    return f"{_receiver(expr.operand)}[{mark}{_string(expr.field)}]", _MEMBER


def _call(expr: Call) -> _Text:
    name, args = expr.function, expr.args
    if expr.target is not None:
        return f"{_receiver(expr.target)}.{name}({_arguments(args)})", _MEMBER
    if name == COERCE and len(args) == 1:
        return _write(args[0])
    if name in _SIGNS and len(args) == 1:
        return _signed(_SIGNS[name], name, args[0]), _UNARY
    if name in _BINARY and len(args) == 2:
        sign, tight = _BINARY[name]
        return f"{_in(args[0], tight)} {sign} {_in(args[1], tight + 1)}", tight
    if name in _CHAINS and len(args) > 1:
        sign, tight = _CHAINS[name]
        written = []
        for arg in args:
            written.append(_in(arg, tight + 1))  # noqa: PERF401
        return f" {sign} ".join(written), tight
    if name in {"_[_]", "_[?_]"} and len(args) == 2:
        mark = "?" if name == "_[?_]" else ""
        return f"{_receiver(args[0])}[{mark}{unparse(args[1])}]", _MEMBER
    if name == "_?_:_" and len(args) == 3:
        return f"{_in(args[0], _OR)} ? {_in(args[1], _OR)} : {unparse(args[2])}", _EXPR
    if name == INTERPOLATE:
        return _sum(args)
    return f"{name}({_arguments(args)})", _MEMBER


def _signed(sign: str, name: str, operand: Expr) -> str:
    while type(operand) is Call and operand.function == COERCE and len(operand.args) == 1:
        operand = operand.args[0]
    if type(operand) is Call and operand.function == name and operand.target is None:
        return sign + _in(operand, _UNARY)
    text = _in(operand, _MEMBER)
    # A minus before a number would be part of it.
    return f"{sign}({text})" if text[0].isdigit() else sign + text


def _sum(parts: tuple[Expr, ...]) -> _Text:
    texts = [
        _in(part, _SUM + 1) if _is_text(part) else f"string({unparse(part)})" for part in parts
    ]
    return (" + ".join(texts), _SUM) if len(texts) > 1 else (texts[0] if texts else '""', _MEMBER)


def _comprehension(expr: Comprehension) -> str:
    over = expr.over
    if expr.macro == "bind":
        if expr.variable == "@index0":
            return _block(expr)
        return f"cel.bind({_name(expr.variable)}, {unparse(over)}, {unparse(expr.body)})"
    names = [_name(name) for name in (expr.variable, expr.second) if name is not None]
    guard = [] if expr.guard is None else [unparse(expr.guard)]
    return f"{_receiver(over)}.{expr.macro}({', '.join([*names, *guard, unparse(expr.body)])})"


def _block(expr: Comprehension) -> str:
    """Write what `cel.block` made: a value by number for each of its list."""
    values: list[str] = []
    body: Expr = expr
    while (
        isinstance(body, Comprehension)
        and body.macro == "bind"
        and body.variable == f"@index{len(values)}"
    ):
        values.append(unparse(body.over))
        body = body.body
    return f"cel.block([{', '.join(values)}], {unparse(body)})"


def _constant(value: Any) -> _Text:
    match value:
        case None:
            return "null", _MEMBER
        case bool():
            return ("true" if value else "false"), _MEMBER
        case Uint():
            return f"{int(value)}u", _MEMBER
        case int() | float():
            return _number(value)
        case str():
            return _string(value), _MEMBER
        case bytes():
            return f'b"{"".join(map(_octet, value))}"', _MEMBER
        case list():
            return f"[{', '.join(_constant(item)[0] for item in value)}]", _MEMBER
        case dict():
            pairs = [
                f"{_string(str(key))}: {_constant(item)[0]}" for key, item in sorted(value.items())
            ]
            return f"{{{', '.join(pairs)}}}", _MEMBER
        case _:
            return str(value), _MEMBER


def _number(value: float) -> _Text:
    if not math.isfinite(value):
        return f'double("{value}")', _MEMBER
    return repr(value), (_UNARY if math.copysign(1, value) < 0 else _MEMBER)


def _string(text: str) -> str:
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}")


def _octet(byte: int) -> str:
    character = chr(byte)
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if 32 <= byte < 127 else f"\\x{byte:02x}"


def shortened(text: str, most: int) -> str:
    """Return the text on one line, of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
