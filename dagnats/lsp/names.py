"""Every mention of a named thing: where it is defined, and where it is used, to the character.

steps["a b"], depends_on: ['a']      →  the `a b` inside of its quotes, the `a` inside of its own
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.ast import Call, Expr, Ident, Literal, Select, walk
from dagnats.expr.checking.access import path_of
from dagnats.expr.checking.check import references
from dagnats.expr.syntax.actions import RESERVED
from dagnats.lang import tree
from dagnats.lang.keys import GO_STEP_PATTERN, ID_PATTERN
from dagnats.lsp.analysis import Analysis
from dagnats.source.document import Entry, Mapping, Node, Scalar, Sequence
from dagnats.source.reader import read

STEP, TASK, VAR, IMPORT, EVENT = "step", "task", "var", "import", "event"
RENAMED = frozenset({STEP, VAR})
"""Kinds of things that are of this document alone."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ID = re.compile(ID_PATTERN.removesuffix("$") + r"\Z")
_GO_ID = re.compile(GO_STEP_PATTERN.removesuffix("$") + r"\Z")
_WORDS = RESERVED | {"true", "false", "null", "in"}
_VAR_CHARS_MAX = 64


@dataclass(frozen=True, slots=True)
class Mention:
    """A place where a thing is named.

    `form` says how: as a `scalar` of the document, as a `key` of it, or in an expression as a
    `field`, an `escaped` field or a `text`.
    """

    kind: str
    name: str
    start: int
    end: int
    form: str
    is_definition: bool = False


class RefusedError(Exception):
    """A new name that cannot be; the message is for the author."""


def mentions(analysis: Analysis) -> tuple[Mention, ...]:
    """Return every mention of a step, a task, a variable, an event or an import, by its place."""
    if analysis.written is None or analysis.outline is None:
        return ()
    collected = _Collector(analysis.text)
    workflow = analysis.written
    for step in analysis.outline.steps:
        collected.step(step)
    for section, kind in (("tasks", TASK), ("vars", VAR), ("events", EVENT)):
        collected.keys(workflow, section, kind)
    collected.items(workflow, "imports", IMPORT)
    collected.keys(workflow, "aux_steps", STEP, is_definition=False)
    collected.events(workflow)
    for spot in analysis.expressions:
        collected.expression(spot.embedded)
    found = {(each.start, each.end, each.kind): each for each in collected.found}
    return tuple(sorted(found.values(), key=lambda each: each.start))


def mention_at(found: tuple[Mention, ...], offset: int) -> Mention | None:
    """Return the mention around an offset."""
    around = [each for each in found if each.start <= offset <= each.end]
    return min(around, key=lambda each: each.end - each.start, default=None)


def same(found: tuple[Mention, ...], one: Mention) -> tuple[Mention, ...]:
    """Return all mentions of the same thing."""
    return tuple(each for each in found if (each.kind, each.name) == (one.kind, one.name))


def renamed(analysis: Analysis, one: Mention, new: str) -> list[tuple[int, int, str]]:
    """Return the edits that give a thing another name everywhere; raises RefusedError."""
    found = mentions(analysis)
    if one.kind not in RENAMED:
        raise RefusedError(f"a {one.kind} is not of this document alone and is not renamed here")
    if new == one.name:
        return []
    if one.kind == STEP and not _is_id(analysis, one.name, new):
        raise RefusedError(f"`{new}` is no id: use letters, digits, `_` and `-`, at most 64")
    if one.kind == VAR and (_NAME.match(new) is None or len(new) > _VAR_CHARS_MAX):
        raise RefusedError(f"`{new}` is no name: use letters, digits and `_`, a letter first")
    if any(each.kind == one.kind and each.name == new for each in found):
        noun = "step" if one.kind == STEP else "variable"
        raise RefusedError(f"there is a {noun} `{new}` already")
    return [(each.start, each.end, _written(analysis, each, new)) for each in same(found, one)]


def _is_id(analysis: Analysis, old: str, new: str) -> bool:
    """Whether a step may be called so: with dots only at the top, in a document of Go."""
    workflow = analysis.written
    if workflow is None or "dagnats" in workflow.keys:
        return _ID.match(new) is not None
    is_at_top = any(step.id == old for step in workflow.steps)
    return (_GO_ID if is_at_top else _ID).match(new) is not None


def _written(analysis: Analysis, mention: Mention, new: str) -> str:
    if mention.form == "field" and (_NAME.match(new) is None or new in _WORDS):
        return f"`{new}`"
    if mention.form in {"scalar", "key"}:
        before = analysis.text[mention.start - 1 : mention.start]
        return new if before in {'"', "'"} or _is_text(new) else f'"{new}"'
    return new


def _is_text(word: str) -> bool:
    """Whether YAML reads a plain word as a text, and nobody is surprised."""
    sink = Sink()
    document = read(f"key: {word}\n", "<name>", sink)
    value = None if document is None or not isinstance(document.root, Mapping) else document.root
    held = None if value is None else value.get("key")
    return isinstance(held, Scalar) and held.value == word and not sink.sorted()


class _Collector:
    def __init__(self, text: str) -> None:
        self._text = text
        self.found: list[Mention] = []

    def step(self, step: tree.Step) -> None:
        self.value(STEP, step, "id", is_definition=True)
        for dependency in step.depends_on:
            self.value(STEP, dependency, "step")
        for key in ("on_failure", "compensate"):
            self.value(STEP, step, key)
        self.value(TASK, step, "task")
        if step.skip_if is not None:
            self.value(STEP, step.skip_if, "step_id")
        if isinstance(step.config, tree.WaitForEvent | tree.Emit):
            self.value(EVENT, step.config, "event")
        if isinstance(step.config, tree.Planner):
            self.items(step.config, "allowed_tasks", TASK)

    def events(self, workflow: tree.Workflow) -> None:
        for trigger in workflow.triggers:
            if trigger.event is not None:
                self.value(EVENT, trigger.event, "event")
        for cancel in workflow.cancel_on:
            self.value(EVENT, cancel, "event")

    def items(self, block: tree.Block, key: str, kind: str) -> None:
        entry = block.keys.get(key)
        if entry is not None and isinstance(entry.value, Sequence):
            for item in entry.value.items:
                self.scalar(kind, item)

    def value(self, kind: str, block: tree.Block, key: str, *, is_definition: bool = False) -> None:
        entry = block.keys.get(key)
        if entry is not None and block.file is None:
            self.scalar(kind, entry.value, is_definition=is_definition)

    def scalar(self, kind: str, node: Node, *, is_definition: bool = False) -> None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            start, end = node.span.start.offset, node.span.end.offset
            self._written(kind, node.value, start, end, "scalar", is_definition)

    def keys(
        self, block: tree.Block, section: str, kind: str, *, is_definition: bool = True
    ) -> None:
        entry = block.keys.get(section)
        if entry is not None and isinstance(entry.value, Mapping):
            for inner in entry.value.written:
                self.key(kind, inner, is_definition=is_definition)

    def key(self, kind: str, entry: Entry, *, is_definition: bool = False) -> None:
        start, end = entry.key_span.start.offset, entry.key_span.end.offset
        self._written(kind, entry.key, start, end, "key", is_definition)

    def expression(self, embedded: tree.Embedded) -> None:
        for name, node in references(embedded.expr):
            self._field(STEP, name, node, embedded)
        for node in walk(embedded.expr):
            if isinstance(node, Select) and node.operand == Ident("vars"):
                self._field(VAR, node.field, node, embedded)
            elif isinstance(node, Call) and node.args[:1] == (Ident("vars"),):
                held = node.args[1] if node.function in {"_[_]", "_[?_]"} else None
                if isinstance(held, Literal) and isinstance(held.value, str):
                    self._field(VAR, held.value, node, embedded)

    def _field(self, kind: str, name: str, node: Expr, embedded: tree.Embedded) -> None:
        """Record the field that a node reads: it stands at the end of it."""
        span = embedded.spans.get(node.id)
        if span is None or span == embedded.span:
            return  # what was generated stands nowhere
        end = span.end.offset
        at = self._text.rfind(name, span.start.offset, end)
        if at < 0:
            return
        before = self._text[at - 1 : at]
        form = "field" if before in {".", "?"} or before.isspace() else "text"
        form = "escaped" if before == "`" else form
        self.found.append(Mention(kind, name, at, at + len(name), form))

    def _written(  # noqa: PLR0913, PLR0917 (the parts of a mention)
        self, kind: str, name: str, start: int, end: int, form: str, is_definition: bool
    ) -> None:
        """Record a name that stands in a range, without its quotes; an escaped one is left out."""
        at = self._text.find(name, start, end)
        if at >= 0:
            self.found.append(Mention(kind, name, at, at + len(name), form, is_definition))


def field_definition(analysis: Analysis, offset: int) -> Entry | None:
    """Return where a schema of the document declares the field that an expression reads here.

    input.order.id      →  the property `id` of the property `order` of `input`
    steps.a.output.ok   →  the property `ok` of the output of the task of `a`
    """
    typed = analysis.typed_at(offset)
    path = None if typed is None else path_of(typed.node, through=True)
    if path is None or analysis.document is None or analysis.written is None:
        return None
    match path:
        case ("input", *fields):
            start = ["input"]
        case ("steps", step, "output", *fields) if analysis.outline is not None:
            number = analysis.outline.index.get(str(step))
            task = None if number is None else analysis.outline.steps[number].task
            start = ["tasks", task or "", "output"]
        case _:
            return None
    return _property(analysis.document.root, start, fields)


def _property(root: Node, start: list[str], fields: list[str | int]) -> Entry | None:
    """Return the entry of a property of a property … of the schema at a path."""
    node: Node | None = root
    entry: Entry | None = None
    ways = [*start]
    for name in fields:
        ways += ["items"] if isinstance(name, int) else ["properties", name]
    for way in ways:
        entry = node.entry(way) if isinstance(node, Mapping) else None
        node = None if entry is None else entry.value
    return entry


def definitions(found: tuple[Mention, ...], one: Mention) -> Iterator[Mention]:
    """Yield where a thing is defined."""
    yield from (each for each in same(found, one) if each.is_definition)
