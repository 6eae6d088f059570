"""Expressions in the serialised form: objects whose `kind` says what they are.

Node ids are not part of it. What is left out where a key is optional is `docs/ir.md`'s to say; the
classes here are that page in code.
"""

import base64
import binascii
import re
from typing import assert_never

from msgspec import UNSET, Struct, UnsetType

from dagnats.errors import BrokenError
from dagnats.expr.ast import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.kinds import UINT_MAX, Uint

EXPRESSION_LEVELS_MAX = 192
"""A template as deep as a document may be, around an expression as deep as one may be, and room."""


class LiteralForm(Struct, tag_field="kind", tag="literal", forbid_unknown_fields=True):
    """A constant."""

    value: object


class UintForm(Struct, tag_field="kind", tag="uint", forbid_unknown_fields=True):
    """An unsigned integer, in decimal digits: JSON has no such numbers."""

    value: str


class BytesForm(Struct, tag_field="kind", tag="bytes", forbid_unknown_fields=True):
    """A constant of bytes, in base64."""

    value: str


class IdentForm(Struct, tag_field="kind", tag="ident", forbid_unknown_fields=True):
    """A root or a variable."""

    name: str


class SelectForm(
    Struct, tag_field="kind", tag="select", forbid_unknown_fields=True, omit_defaults=True
):
    """A field of a value."""

    operand: "ExprForm"
    field: str
    optional: bool = False
    test: bool = False


class CallForm(Struct, tag_field="kind", tag="call", forbid_unknown_fields=True, kw_only=True):
    """A function, operator or method."""

    function: str
    target: "ExprForm | UnsetType" = UNSET
    args: "list[ExprForm]"


class ListForm(
    Struct, tag_field="kind", tag="list", forbid_unknown_fields=True, omit_defaults=True
):
    """A list display."""

    items: "list[ExprForm]"
    optional: list[int] = []


class EntryForm(Struct, forbid_unknown_fields=True):
    """An entry of a map display."""

    key: "ExprForm"
    value: "ExprForm"


class MapForm(Struct, tag_field="kind", tag="map", forbid_unknown_fields=True, omit_defaults=True):
    """A map display."""

    entries: list[EntryForm]
    optional: list[int] = []


class ComprehensionForm(
    Struct, tag_field="kind", tag="comprehension", forbid_unknown_fields=True, kw_only=True
):
    """A macro."""

    macro: str
    over: "ExprForm"
    variable: str
    second: str | UnsetType = UNSET
    guard: "ExprForm | UnsetType" = UNSET
    body: "ExprForm"


_LeafForm = LiteralForm | UintForm | BytesForm | IdentForm
ExprForm = _LeafForm | SelectForm | CallForm | ListForm | MapForm | ComprehensionForm

_DIGITS = re.compile(r"0|[1-9][0-9]{0,19}")


def encode(expr: Expr) -> ExprForm:
    """Return the serialised form of an expression."""
    match expr:
        case Literal(value=Uint() as value):
            return UintForm(str(int(value)))
        case Literal(value=bytes() as value):
            return BytesForm(base64.b64encode(value).decode())
        case Literal(value=value):
            return LiteralForm(value)
        case Ident(name=name):
            return IdentForm(name)
        case Select():
            return SelectForm(encode(expr.operand), expr.field, expr.optional, expr.test)
        case Call(target=target):
            args = [encode(arg) for arg in expr.args]
            of = UNSET if target is None else encode(target)
            return CallForm(function=expr.function, target=of, args=args)
        case ListOf():
            return ListForm([encode(item) for item in expr.items], list(expr.optional))
        case MapOf():
            entries = [EntryForm(encode(key), encode(value)) for key, value in expr.entries]
            return MapForm(entries, list(expr.optional))
        case Comprehension(guard=guard, second=second):
            return ComprehensionForm(
                macro=expr.macro,
                over=encode(expr.over),
                variable=expr.variable,
                second=UNSET if second is None else second,
                guard=UNSET if guard is None else encode(guard),
                body=encode(expr.body),
            )
        case _:
            assert_never(expr)


def decode(form: ExprForm, path: str) -> Expr:
    """Return the expression.

    Raises BrokenError, naming `path`, when it is nested too deep, or a constant in it is not
    spelled as `encode` spells it.
    """
    return _Decoder(path).expr(form, 1)


class _Decoder:
    """Decodes one expression and counts its levels."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def expr(self, form: ExprForm, level: int) -> Expr:
        if level > EXPRESSION_LEVELS_MAX:
            message = f"at {self._path}: an expression of more than {EXPRESSION_LEVELS_MAX} levels"
            raise BrokenError(f"{message} (EXPRESSION_LEVELS_MAX)")
        below = level + 1
        match form:
            case LiteralForm() | UintForm() | BytesForm() | IdentForm():
                return self._leaf(form)
            case SelectForm():
                operand = self.expr(form.operand, below)
                return Select(operand, form.field, form.optional, form.test)
            case CallForm():
                args = tuple([self.expr(arg, below) for arg in form.args])
                return Call(form.function, args, self._maybe(form.target, below))
            case ListForm():
                items = tuple([self.expr(item, below) for item in form.items])
                return ListOf(items, tuple(form.optional))
            case MapForm():
                entries = [
                    (self.expr(e.key, below), self.expr(e.value, below)) for e in form.entries
                ]
                return MapOf(tuple(entries), tuple(form.optional))
            case ComprehensionForm():
                over, body = self.expr(form.over, below), self.expr(form.body, below)
                guard = self._maybe(form.guard, below)
                second = None if isinstance(form.second, UnsetType) else form.second
                return Comprehension(form.macro, over, form.variable, body, guard, second)
            case _:
                assert_never(form)

    def _leaf(self, form: _LeafForm) -> Expr:
        match form:
            case LiteralForm(value=value):
                return Literal(value)
            case UintForm(value=digits):
                return Literal(self._uint(digits))
            case BytesForm(value=text):
                return Literal(self._bytes(text))
            case IdentForm(name=name):
                return Ident(name)
            case _:
                assert_never(form)

    def _maybe(self, form: ExprForm | UnsetType, level: int) -> Expr | None:
        return None if isinstance(form, UnsetType) else self.expr(form, level)

    def _uint(self, digits: str) -> Uint:
        if not _DIGITS.fullmatch(digits) or int(digits) > UINT_MAX:
            raise BrokenError(f"at {self._path}: a uint is digits, 0 to {UINT_MAX}")
        return Uint(digits)

    def _bytes(self, text: str) -> bytes:
        # One spelling only: the same bytes must not have two digests.
        try:
            value = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            value = None
        if value is None or base64.b64encode(value).decode() != text:
            raise BrokenError(f"at {self._path}: bytes are spelled in base64, padded")
        return value
