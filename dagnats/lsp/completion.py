"""What can stand at the cursor: in expressions, and where the name of something is written.

Keys and words of the language are left to the JSON Schema.
"""

import json
from collections.abc import Iterator

from lsprotocol import types as lsp

from dagnats.expr.checking.access import escaped
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.signatures import Function
from dagnats.expr.syntax.actions import RESERVED
from dagnats.expr.types import (
    Dyn,
    Enum,
    List,
    Map,
    Object,
    Optional,
    Poison,
    Type,
    Union,
    assignable,
    display,
    nullable,
    union,
    without_null,
)
from dagnats.lang import tree
from dagnats.lang.imports import Load
from dagnats.lang.keys import ListOf, Text
from dagnats.lsp import wording
from dagnats.lsp.analysis import Analyst
from dagnats.lsp.asking import Asked, ask, sight, step_at
from dagnats.lsp.cursor import Cursor
from dagnats.lsp.positions import Lines

Kind = lsp.CompletionItemKind

TRIGGERS = (".", '"', "'", "[", "(", "`", " ")
_EVENT_KEYS = frozenset({"event"})
_STEP_KEYS = frozenset({"depends_on", "step", "on_failure", "compensate", "step_id"})
_CONSTANTS = ("true", "false", "null")


class Completer:
    """Completes at one place of one text."""

    def __init__(
        self, text: str, file: str, lines: Lines, analyst: Analyst, load: Load | None
    ) -> None:
        self._text = text
        self._file = file
        self._lines = lines
        self._analyst = analyst
        self._load = load

    def at(self, offset: int) -> list[lsp.CompletionItem]:
        """Return what can stand at an offset."""
        asked = ask(self._text, self._file, offset)
        if asked is None:
            return []
        if asked.cursor is not None:
            return list(self._expression(asked, asked.cursor, offset))
        return list(self._name(asked, offset))

    # Expressions

    def _expression(
        self, asked: Asked, cursor: Cursor, offset: int
    ) -> Iterator[lsp.CompletionItem]:
        if cursor.kind == "root":
            yield from self._roots(asked, cursor, offset)
            return
        if cursor.kind == "none":
            return
        is_steps = cursor.receiver.removeprefix(".") == "steps"
        if is_steps and cursor.kind in {"member", "key"}:
            look = asked.look(self._analyst, self._load)
            for step in () if look is None else sight(look, asked).steps:
                yield self._field(step.id, _summary(step), cursor, offset, Kind.Reference)
            return
        if cursor.kind == "member":
            yield from self._namespace(cursor, offset)
        type_, look = asked.receiver(self._analyst, self._load)
        if type_ is None or look is None:
            return
        if cursor.kind == "value":
            yield from self._values(asked, type_, cursor, offset)
            return
        yield from self._fields(asked, type_, cursor, offset)
        if cursor.kind == "member" and not cursor.is_optional:
            yield from self._methods(type_, cursor, offset)

    def _roots(self, asked: Asked, cursor: Cursor, offset: int) -> Iterator[lsp.CompletionItem]:
        if cursor.quote:
            return
        look = asked.look(self._analyst, self._load)
        for name in cursor.variables:
            yield self._item(name, Kind.Variable, cursor.start, offset, sort="0")
        for name in () if look is None else sight(look, asked).roots:
            doc = wording.ROOTS.get(name, "")
            yield self._item(name, Kind.Variable, cursor.start, offset, doc=doc, sort="1")
        for name, (snippet, doc) in wording.GLOBAL_MACROS.items():
            yield self._item(
                name,
                Kind.Snippet,
                cursor.start,
                offset,
                snippet,
                doc=doc,
                sort="2",
                is_snippet=True,
            )
        for function in FUNCTIONS.values():
            if function.name[0].isalpha() and any(not each.method for each in function.overloads):
                yield self._function(function, function.name, cursor.start, offset)
        for name in _CONSTANTS:
            yield self._item(name, Kind.Keyword, cursor.start, offset, sort="4")

    def _namespace(self, cursor: Cursor, offset: int) -> Iterator[lsp.CompletionItem]:
        prefix = f"{cursor.receiver}."
        for function in FUNCTIONS.values():
            if function.name.startswith(prefix):
                yield self._function(
                    function, function.name.removeprefix(prefix), cursor.start, offset
                )
        for name, (snippet, doc) in wording.GLOBAL_MACROS.items():
            if name.startswith(prefix):
                short, rest = name.removeprefix(prefix), snippet.removeprefix(prefix)
                yield self._item(
                    short, Kind.Snippet, cursor.start, offset, rest, doc=doc, is_snippet=True
                )

    def _fields(
        self, asked: Asked, type_: Type, cursor: Cursor, offset: int
    ) -> Iterator[lsp.CompletionItem]:
        inner = type_.of if isinstance(type_, Optional) else type_
        through = isinstance(type_, Optional) or nullable(type_)
        fields = _fields_of(inner)
        open_ = () if through else tuple(name for name, (_, sure) in fields.items() if not sure)
        known = asked.sure(open_, self._analyst, self._load)
        for name, (part, _) in fields.items():
            optional = name in open_ and name not in known
            detail = display(part)
            yield self._field(name, detail, cursor, offset, Kind.Field, is_optional=optional)

    def _field(  # noqa: PLR0913 (the parts of an item)
        self,
        name: str,
        detail: str,
        cursor: Cursor,
        offset: int,
        kind: lsp.CompletionItemKind,
        *,
        is_optional: bool = False,
    ) -> lsp.CompletionItem:
        """Return a field as it has to be written here: `.?` before one that may be missing."""
        if cursor.kind == "key":
            written, start = f"{cursor.quote}{name}{cursor.quote}", cursor.start
            after = self._text[offset : offset + 1]
            written = written[:-1] if after == cursor.quote else written
            return self._item(name, kind, start, offset, written, detail=detail, sort="0")
        shown = f"`{name}`" if name in RESERVED else escaped(name)
        start, asks = cursor.start, is_optional and not cursor.is_optional
        if asks and cursor.dot >= 0:
            start, shown = cursor.dot, f".?{shown}"
        label = f"{name}?" if asks else name
        return self._item(label, kind, start, offset, shown, detail=detail, sort="0")

    def _methods(self, type_: Type, cursor: Cursor, offset: int) -> Iterator[lsp.CompletionItem]:
        known = without_null(type_)
        for function in FUNCTIONS.values():
            taken = [each for each in function.overloads if each.method and each.params]
            if any(assignable(known, each.params[0]) and _is_known(known) for each in taken):
                yield self._function(function, function.name, cursor.start, offset)
        macros = wording.MACROS if isinstance(known, List | Map | Object | Dyn) else {}
        macros = wording.OPTIONAL_MACROS if isinstance(known, Optional) else macros
        for name, (snippet, doc) in macros.items():
            yield self._item(
                name, Kind.Method, cursor.start, offset, snippet, doc=doc, sort="2", is_snippet=True
            )

    def _values(
        self, asked: Asked, type_: Type, cursor: Cursor, offset: int
    ) -> Iterator[lsp.CompletionItem]:
        members = type_.members if isinstance(type_, Union) else (type_,)
        values = [value for each in members if isinstance(each, Enum) for value in each.values]
        quote = cursor.quote or ("'" if asked.scalar.style == "double" else '"')
        after = self._text[offset : offset + 1]
        for number, value in enumerate(values):
            if isinstance(value, str):
                written = f"{quote}{value}{'' if after == quote and cursor.quote else quote}"
            else:
                written = json.dumps(value)
            sort = f"0{number:03}"
            yield self._item(
                str(value) if isinstance(value, str) else written,
                Kind.EnumMember,
                cursor.start,
                offset,
                written,
                filter_=written,
                sort=sort,
            )

    def _function(
        self, function: Function, label: str, start: int, offset: int
    ) -> lsp.CompletionItem:
        detail = wording.signature(function, function.overloads[0])
        is_alone = all(len(each.params) == int(each.method) for each in function.overloads)
        snippet = f"{label}()" if is_alone else f"{label}($0)"
        doc = wording.function_block(function)
        return self._item(
            label,
            Kind.Function,
            start,
            offset,
            snippet,
            detail=detail,
            doc=doc,
            sort="3",
            is_snippet=True,
        )

    # Names

    def _name(self, asked: Asked, offset: int) -> Iterator[lsp.CompletionItem]:
        where, kind = asked.where, asked.where.kind
        in_list = isinstance(kind, ListOf)  # which is not begun yet
        if not (isinstance(kind, Text) or in_list) or where.key is None or where.block is None:
            return
        name = where.key.name
        start = _word_start(self._text, offset)
        if name in {"task", "allowed_tasks"}:
            yield from self._tasks(asked, start, offset)
        elif name in _EVENT_KEYS:
            look = asked.look_as_it_is(self._analyst, self._load)
            for event in () if look is None else look.tables.workflow.events:
                yield self._item(event, Kind.Event, start, offset)
        elif name in _STEP_KEYS:
            for item in self._steps(asked, name, start, offset):
                if in_list and isinstance(item.text_edit, lsp.TextEdit):
                    item.text_edit.new_text = f"[{item.label}]"
                yield item

    def _tasks(self, asked: Asked, start: int, offset: int) -> Iterator[lsp.CompletionItem]:
        look = asked.look_as_it_is(self._analyst, self._load)
        if look is None:
            return
        workflow = look.tables.workflow
        described = {name: contract.description or "" for name, contract in workflow.tasks.items()}
        here = step_at(look.tables.outline, asked.scalar.span.start.offset)
        for number, step in enumerate(look.tables.outline.steps):
            if step.task is not None and number != here:
                described.setdefault(step.task, "used here, without a contract")
        for name, doc in described.items():
            yield self._item(name, Kind.Interface, start, offset, doc=doc)

    def _steps(
        self, asked: Asked, key: str, start: int, offset: int
    ) -> Iterator[lsp.CompletionItem]:
        look = asked.look_as_it_is(self._analyst, self._load)
        if look is None:
            return
        outline = look.tables.outline
        number = step_at(outline, asked.scalar.span.start.offset)
        if number is None:
            return
        listed: set[str] = set()
        if key in {"depends_on", "step"}:
            listed = {each.step for each in outline.steps[number].depends_on}
            hidden = {number, *outline.handlers}
        else:
            hidden = {number, *outline.ancestors(number)}
        for other in outline.scopes[outline.scope_of[number]].steps:
            step = outline.steps[other]
            if other not in hidden and step.id not in listed:
                yield self._item(step.id, Kind.Reference, start, offset, detail=_summary(step))

    def _item(  # noqa: PLR0913 (the parts of an item)
        self,
        label: str,
        kind: lsp.CompletionItemKind,
        start: int,
        offset: int,
        written: str | None = None,
        *,
        detail: str = "",
        doc: str = "",
        sort: str = "1",
        filter_: str | None = None,
        is_snippet: bool = False,
    ) -> lsp.CompletionItem:
        first, last = self._lines.point(start), self._lines.point(offset)
        span = lsp.Range(lsp.Position(*first), lsp.Position(*last))
        new = label if written is None else written
        # What is replaced has to fit what is filtered by, or clients hide the item.
        replaced = self._text[start:offset]
        lead = replaced[:1] if replaced[:1] in {".", '"', "'", "`"} else ""
        filter_text = (
            f"{lead}{filter_ or label}"
            if lead and not (filter_ or "").startswith(lead)
            else filter_
        )
        return lsp.CompletionItem(
            label=label,
            kind=kind,
            detail=detail or None,
            documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, doc) if doc else None,
            sort_text=f"{sort}{label}",
            filter_text=filter_text,
            text_edit=lsp.TextEdit(span, new),
            insert_text_format=lsp.InsertTextFormat.Snippet if is_snippet else None,
        )


def _is_known(known: Type) -> bool:
    """Whether methods are worth proposing: of what may be anything all are, of a mistake none."""
    return not isinstance(known, Poison)


def _fields_of(type_: Type) -> dict[str, tuple[Type, bool]]:
    """Return the fields that a value may have."""
    match type_:
        case Object(fields=fields):
            return dict(fields)
        case Union(members=members):
            objects = [member for member in members if isinstance(member, Object)]
            names = dict.fromkeys(name for each in objects for name in each.fields)
            return {
                name: (
                    union(each.fields[name][0] for each in objects if name in each.fields),
                    all(name in each.fields and each.fields[name][1] for each in objects),
                )
                for name in names
            }
        case _:
            return {}


def _summary(step: tree.Step) -> str:
    kind = step.type or "normal"
    return f"{kind} {step.task}" if step.task else kind


def _word_start(text: str, offset: int) -> int:
    at = offset
    while at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_-."):
        at -= 1
    return at
