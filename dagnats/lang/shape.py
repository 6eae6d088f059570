"""Whether a document has the shape of the language: checked by the same definitions that read it.

steps: [{id: a, tsak: b}]      →  DN2001 the step has no key `tsak`, did you mean `task`?

One finding for each place and missing key, and none that only follows from another: what a misspelt
key stands for is not missing, and what an unknown type of step has in `config` is not judged. The
published JSON Schemas say the same to editors; a test compares the two.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import assert_never

from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink, Span
from dagnats.lang import wording
from dagnats.lang.definitions.steps import STEP_TYPES, StepType
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import (
    DURATION_PATTERN,
    NS_MAX,
    Block,
    Choice,
    Duration,
    Either,
    Expression,
    Flag,
    Integer,
    Json,
    JsonSchema,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Ref,
    Template,
    Text,
)
from dagnats.lang.schema import json_types
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence, to_json
from dagnats.source.spelling import guess_type
from dagnats.timespec import DURATION_CHARS_MAX, parse_duration_ms

GUESSED_MAX = 50
"""Unknown keys of one mapping for which it is guessed what they were to be."""

_DURATION = re.compile(DURATION_PATTERN.removeprefix("^").replace("$|^0$", "|0"), re.ASCII)
_TYPES = {kind.name: kind for kind in STEP_TYPES}
_ITEMS = {"steps": "the step", "finally": "the step", "default": "the step"} | {
    "depends_on": "the dependency",
    "triggers": "the trigger",
    "cases": "the case",
    "cancel_on": "the event",
}
"""What the items of a list are called."""


def is_go(document: Document) -> bool:
    """Whether a document may be one of the Go dagnats: it does not say `dagnats: 1`."""
    return isinstance(document.root, Mapping) and document.root.entry("dagnats") is None


def check_shape(document: Document, sink: Sink, name: str = "workflow") -> bool:
    """Whether the document has the shape of a block; otherwise the sink says what is wrong."""
    return examined(document, sink, name, is_go=False).report()


def examined(document: Document, sink: Sink, name: str, *, is_go: bool) -> "Examination":
    """Return what is wrong with the shape of a document, nothing of it told yet."""
    examination = Examination(document, sink, is_go=is_go)
    called = "the workflow" if name == "workflow" else "the file"
    examination.block(BLOCKS[name], document.root, wording.Place(called, None))
    return examination


def type_meant(node: Mapping) -> str | None:
    """Return the type of a step as it was meant, None where nobody can tell."""
    held = node.get("type")
    if held is None:
        return "normal"
    if not isinstance(held, Scalar) or not isinstance(held.value, str):
        return None
    guess = guess_type(held.value, _TYPES)
    return guess.word if guess else None


@cache
def _table(name: str) -> dict[str, Key]:
    """Return the keys of a block by every spelling."""
    return {spelling: key for key in BLOCKS[name].keys for spelling in (key.name, *key.old)}


@cache
def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


class Examination:
    """Holds the shape of a document against that of the language."""

    def __init__(self, document: Document, sink: Sink, *, is_go: bool) -> None:
        self._sink = sink
        self._is_go = is_go
        self._inside = 0
        self._words = wording.Wording(document)
        self._found: dict[tuple[Span, str], Diagnostic] = {}
        # What could not even be read has been said: a number without a value is no null.
        self._said = {f.span for f in sink.sorted() if f.severity is Severity.ERROR}

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not self._found

    def report(self) -> bool:
        """Hand the findings over; whether there were none."""
        for (span, missing), finding in self._found.items():
            if missing or span not in self._said:
                self._sink.add(finding)
        return not self._found

    def _add(self, finding: Diagnostic, *, missing: bool = False) -> None:
        self._found.setdefault((finding.span, finding.message if missing else ""), finding)

    # Blocks

    def block(self, block: Block, node: Node, place: wording.Place) -> None:
        """Check the block that stands at a node."""
        if not isinstance(node, Mapping):
            if block.short is None or not isinstance(node, Scalar):
                self._type(json_types(Ref(block.name)), node, place)
            else:
                self._text(block.short, node, place, types=("string", "object"))
            return
        table = _table(block.name)
        kind = _type_of(node) if block.name == "step" else None
        meant: set[str] = set()
        unknown = 0
        for entry in node.entries:
            key = table.get(entry.key)
            if key is None:
                if not entry.key.startswith("x-"):
                    unknown += 1
                    is_guessed = unknown <= GUESSED_MAX
                    finding, guess = self._words.unknown_key(
                        entry, block, node, place, is_guessed=is_guessed
                    )
                    self._add(finding)
                    meant |= guess
            elif block.name != "step" or not _is_left(key, kind):
                held = wording.Place("", entry, key.name)
                self._value(key.kind, entry.value, held)
                if key.required and isinstance(key.kind, Duration) and _is_zero(entry.value):
                    self._add(self._words.broken("must be more than 0", entry.value, held))
        there = meant | {table[e.key].name for e in node.entries if e.key in table}
        self._needs(block, there, node, place)
        if kind is not None and "type" not in meant:
            self._step(kind, there, node, place)

    def _needs(self, block: Block, there: set[str], node: Mapping, place: wording.Place) -> None:
        """Check which keys must be there, and which not together."""
        for key in block.keys:
            if key.required and key.name not in there:
                self._add(self._words.missing(key, node, place), missing=True)
        for group in block.one_of:
            if there.isdisjoint(group):
                names = [k.name for k in block.keys if k.name in group and not k.deprecated]
                self._add(self._words.none_of(names, node, place), missing=True)
        for group in (*block.one_of, *block.exclusive):
            entries = [entry for entry in node.entries if entry.key in group]
            for entry in entries[1:]:
                self._add(self._words.both(entries[0], entry, place))

    def _step(self, kind: StepType, there: set[str], node: Mapping, place: wording.Place) -> None:
        """Check what the type of a step asks for: its own `config`, a `task` or none."""
        config = node.entry("config")
        if node.entry("task") is not None or "task" not in there:
            self._task(kind, config, node, place)
        if kind.config is None:
            if config is not None:
                self._empty(config)
            return
        block = BLOCKS[kind.config]
        if config is not None:
            self._inside += 1
            self.block(block, config.value, wording.Place("`config`", config, type=kind.name))
            self._inside -= 1
        elif "config" not in there and (block.one_of or any(key.required for key in block.keys)):
            self._add(self._words.missing_config(block, node, place), missing=True)

    def _task(
        self, kind: StepType, config: Entry | None, node: Mapping, place: wording.Place
    ) -> None:
        task = node.entry("task")
        held = config.value if config else Mapping((), node.span)
        body = held.entry("steps") if isinstance(held, Mapping) else None
        if task is None:
            is_none = isinstance(held, Mapping) and body is None
            if kind.task == "needed" or (kind.task == "instead" and is_none):
                self._add(self._words.missing_task(kind, node, place), missing=True)
        elif kind.task == "none":
            if not (isinstance(task.value, Scalar) and task.value.value == ""):
                self._add(self._words.needless_task(task, kind))
        elif kind.task == "instead" and body is not None:
            self._add(self._words.both(task, body, place))

    def _empty(self, config: Entry) -> None:
        """Check the `config` of a type that has nothing to configure."""
        block = Block("config", "", "", (), ())
        place = wording.Place("`config`", config, type="normal")
        if not isinstance(config.value, Mapping):
            self._type(("object",), config.value, place)
            return
        for number, entry in enumerate(config.value.entries):
            if not entry.key.startswith("x-"):
                finding, _ = self._words.unknown_key(
                    entry, block, config.value, place, is_guessed=number < GUESSED_MAX
                )
                self._add(finding)

    # Values

    def _value(self, kind: Kind, node: Node, place: wording.Place) -> None:  # noqa: C901, PLR0912
        match kind:
            case Text():
                self._text(kind, node, place)
            case Choice():
                self._choice(kind, node, place)
            case Integer() | Number():
                self._number(kind, node, place)
            case Duration():
                self._duration(node, place)
            case Expression():
                self._expression(kind, node, place)
            case Json():
                return
            case Flag() | JsonSchema() | Template():
                self._type(json_types(kind), node, place)
            case Ref(block=name):
                self.block(BLOCKS[name], node, place)
            case ListOf():
                self._list(kind, node, place)
            case MapOf():
                self._map(kind, node, place)
            case Either(kinds=kinds):
                own = wording.types_of(node)
                fits = (part for part in kinds if not own.isdisjoint(json_types(part)))
                if (part := next(fits, None)) is None:
                    self._type(json_types(kind), node, place)
                else:
                    self._value(part, node, place)
            case _:
                assert_never(kind)

    def _type(self, types: tuple[str, ...], node: Node, place: wording.Place) -> bool:
        """Whether a node has one of some types of JSON; none is any."""
        if not types or not wording.types_of(node).isdisjoint(types):
            return True
        self._add(self._words.wrong_type(types, node, place))
        return False

    def _text(
        self,
        kind: Text,
        node: Node,
        place: wording.Place,
        types: tuple[str, ...] = ("string",),
    ) -> None:
        value = node.value if isinstance(node, Scalar) else None
        if not isinstance(value, str):
            pattern, form = kind.pattern or "", kind.form
            self._add(self._words.wrong_type(types, node, place, pattern, form))
        elif (wanted := self._pattern(kind, place)) and _form(wanted).search(value) is None:
            self._add(self._words.malformed(kind, value, node, place))
        elif kind.chars_max is not None and len(value) > kind.chars_max:
            about = f"must have at most {kind.chars_max} characters"
            self._add(self._words.broken(about, node, place))

    def _pattern(self, kind: Text, place: wording.Place) -> str | None:
        """Return the form of a text, which may be that of Go."""
        is_own = place.key == "id" and self._inside > 0
        return kind.go_pattern if self._is_go and kind.go_pattern and not is_own else kind.pattern

    def _choice(self, kind: Choice, node: Node, place: wording.Place) -> None:
        value = node.value if isinstance(node, Scalar) else None
        options = [word for word, _ in kind.words]
        if not isinstance(value, str) or value not in options:
            self._add(self._words.no_such_word(options, node, place))

    def _number(self, kind: Integer | Number, node: Node, place: wording.Place) -> None:
        low, high = kind.minimum, kind.maximum
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(kind, Integer) and low == high:
            if isinstance(value, bool) or value != low:
                self._add(self._words.not_the_one(low, node, place))
            return
        if not self._type(json_types(kind), node, place):
            return
        assert isinstance(value, (int, float)), "it has the type of a number"
        if value < low:
            self._add(self._words.broken(f"must be at least {low}", node, place))
        elif value > high:
            self._add(self._words.broken(f"must be at most {high}", node, place))

    def _duration(self, node: Node, place: wording.Place) -> None:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            is_whole = isinstance(value, float) and value.is_integer()
            if not is_whole:
                types = ("integer", "string")
                form = wording.DURATION_FORM
                self._add(self._words.wrong_type(types, node, place, "(?!)", form))
            return
        if isinstance(value, str):
            if len(value) > DURATION_CHARS_MAX:
                about = f"must have at most {DURATION_CHARS_MAX} characters"
                self._add(self._words.broken(about, node, place))
            elif _DURATION.fullmatch(value) is None:
                self._add(self._words.no_duration(value, node))
        elif not 0 <= value <= NS_MAX:
            about = "must be at least 0" if value < 0 else f"must be at most {NS_MAX}"
            self._add(self._words.broken(about, node, place))

    def _expression(self, kind: Expression, node: Node, place: wording.Place) -> None:
        if not self._type(json_types(kind), node, place):
            return
        if isinstance(node, Scalar) and node.value == "" and not kind.empty_is_none:
            self._add(self._words.broken("must have at least 1 character", node, place))

    def _list(self, kind: ListOf, node: Node, place: wording.Place) -> None:
        if not isinstance(node, Sequence):
            types = json_types(kind)
            if kind.alone and not wording.types_of(node).isdisjoint(json_types(kind.item)):
                self._value(kind.item, node, place)
            else:
                self._add(self._words.wrong_type(types, node, place))
            return
        # Go has neither bodies nor `finally`: ids there are of today.
        self._inside += place.key == "finally"
        for number, item in enumerate(node.items, 1):
            called = _ITEMS.get(place.key) or f"item {number} of {place.label}"
            self._value(kind.item, item, wording.Place(called, None, place.key))
        self._inside -= place.key == "finally"
        count = len(node.items)
        if count < kind.items_min:
            about = f"must have at least {wording.counted(kind.items_min, 'item')}"
            self._add(self._words.broken(about, node, place, help_="add at least one"))
        if kind.items_max is not None and count > kind.items_max:
            about = f"must have at most {wording.counted(kind.items_max, 'item')}"
            self._add(self._words.broken(about, node, place))
        if kind.unique and (twice := _twice(node)) is not None:
            about = "must not hold the same item twice"
            self._add(self._words.broken(about, twice, place))

    def _map(self, kind: MapOf, node: Node, place: wording.Place) -> None:
        if not self._type(("object",), node, place):
            return
        assert isinstance(node, Mapping), "it has the type of a mapping"
        for entry in node.entries:
            form = self._pattern(kind.key, place)
            if form is not None and not _form(form).search(entry.key):
                self._add(self._words.malformed_key(kind.key, entry))
            elif kind.key.chars_max is not None and len(entry.key) > kind.key.chars_max:
                self._add(self._words.long_key(entry, kind.key.chars_max))
            self._value(kind.value, entry.value, wording.Place("", entry))
        for about in _counts(kind, len(node.entries)):
            self._add(self._words.broken(about, node, place))


def _type_of(node: Mapping) -> StepType | None:
    """Return the type of a step; of one that is not known, nothing more is judged."""
    held = node.get("type")
    if held is None:
        return _TYPES["normal"]
    value = held.value if isinstance(held, Scalar) else None
    return _TYPES.get(value) if isinstance(value, str) else None


def _is_left(key: Key, kind: StepType | None) -> bool:
    """Whether a key of a step is for `_step`: `config`, and Go's empty task of a type with none."""
    if key.name == "task" and kind is not None and kind.task == "none":
        return True
    return key.name == "config"


def _is_zero(node: Node) -> bool:
    """Whether a duration is one of no time."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    return parse_duration_ms(value) == 0


def _counts(kind: MapOf, count: int) -> Iterator[str]:
    if count < kind.entries_min:
        yield f"must have at least {wording.counted(kind.entries_min, 'key')}"
    if kind.entries_max is not None and count > kind.entries_max:
        yield f"must have at most {wording.counted(kind.entries_max, 'key')}"


def _twice(node: Sequence) -> Node | None:
    """Return an item that stands in the list before."""
    seen: set[str] = set()
    for item in node.items:
        text = json.dumps(to_json(item), sort_keys=True)
        if text in seen:
            return item
        seen.add(text)
    return None
