"""Expressions in the serialised form: objects whose `kind` says what they are.

Node ids are not part of it. What is left out where a key is optional is `docs/ir.md`'s to say; the
classes here are that page in code.
"""

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

EXPRESSION_LEVELS_MAX = 192
"""A template as deep as a document may be, around an expression as deep as one may be, and room."""


class LiteralForm(Struct, tag_field="kind", tag="literal", forbid_unknown_fields=True):
    """A constant."""

    value: object


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
    """A macro over a list or map."""

    macro: str
    over: "ExprForm"
    variable: str
    guard: "ExprForm | UnsetType" = UNSET
    body: "ExprForm"


ExprForm = LiteralForm | IdentForm | SelectForm | CallForm | ListForm | MapForm | ComprehensionForm


def encode(expr: Expr) -> ExprForm:
    """Return the serialised form of an expression."""
    match expr:
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
        case Comprehension(guard=guard):
            return ComprehensionForm(
                macro=expr.macro,
                over=encode(expr.over),
                variable=expr.variable,
                guard=UNSET if guard is None else encode(guard),
                body=encode(expr.body),
            )
        case _:
            assert_never(expr)


def decode(form: ExprForm, path: str) -> Expr:
    """Return the expression; raises BrokenError, naming `path`, when it is nested too deep."""
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
            case LiteralForm(value=value):
                return Literal(value)
            case IdentForm(name=name):
                return Ident(name)
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
                return Comprehension(form.macro, over, form.variable, body, guard)
            case _:
                assert_never(form)

    def _maybe(self, form: ExprForm | UnsetType, level: int) -> Expr | None:
        return None if isinstance(form, UnsetType) else self.expr(form, level)
