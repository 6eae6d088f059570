"""What an author is told about the shape of a document: one wording for each kind of mistake."""

import json
import re
from collections.abc import Sequence as AnySequence
from typing import NamedTuple

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Label, Span
from dagnats.lang.definitions.steps import STEP_TYPES, StepType
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import Block, Key, Text
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence, to_json
from dagnats.source.spelling import Guess, guess_type, guess_word, hint, known_as

SHOWN_CHARS_MAX = 40
"""Characters of an author's text that a message repeats."""

DURATION_FORM = "write numbers with units d, h, m, s, ms, us or ns, as in `1h30m`"

_ARTICLES = {
    "boolean": "true or false",
    "null": "null",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "a mapping",
}
"""How types are called, in the order in which they are named."""

_UNQUOTED = frozenset({"integer", "number", "boolean"})
_ROOTS = {
    "the workflow": ("a workflow", "begin with `name:` and `steps:`"),
    "the file": ("a file of definitions", "begin with `tasks:`, `events:` or `schemas:`"),
}
_NAMES = {"id": "id", "task": "task name"}
OPTIONS_SHOWN_MAX = 8
"""More words than these are not listed in the message, only in the help."""


class Place(NamedTuple):
    """What is looked at: how it is called, its entry if it has one, and its key in the language.

    What is called nothing in particular goes by its entry. `type` is that of the step whose
    `config` it is.
    """

    called: str
    entry: Entry | None
    key: str = ""
    type: str = ""

    @property
    def label(self) -> str:
        """Return how messages call it."""
        return self.called or (f"`{self.entry.key}`" if self.entry else "it")


class Wording:
    """Words the findings of one document."""

    def __init__(self, document: Document) -> None:
        self._text = document.text

    # Keys

    def unknown_key(
        self, entry: Entry, block: Block, node: Mapping, place: Place, *, is_guessed: bool = True
    ) -> tuple[Diagnostic, set[str]]:
        """Return the finding, and the key that was probably meant."""
        key, span = entry.key, entry.key_span
        if not is_guessed:
            return Diagnostic("DN2001", f"{place.label} has no key `{cut(key)}`", span), set()
        usual = [each.name for each in block.keys if not each.deprecated]
        message = f"{place.label} has no key `{cut(key)}`"
        guess, elsewhere = self._meant(key, block, node, place)
        if guess is None:
            names = ", ".join(f"`{name}`" for name in usual if name != "$schema") or "no keys"
            help_ = elsewhere or f"it takes {names}; keys that begin with `x-` are ignored"
            return Diagnostic("DN2001", message, span, help=help_), set()
        help_ = f"did you mean `{guess.word}`?"
        fixes = () if entry.merged else (self._renamed(span, guess),)
        if not guess.safe and (more := hint(key)):
            help_, fixes = f"{help_} {more[0].upper()}{more[1:]}", ()
        return Diagnostic("DN2001", message, span, help=help_, fixes=fixes), {guess.word}

    def is_suggestive(self, key: str, block: Block, node: Mapping, place: Place) -> bool:
        """Whether there is an idea of what an unknown key was meant to be."""
        return self._meant(key, block, node, place) != (None, None)

    def _meant(
        self, key: str, block: Block, node: Mapping, place: Place
    ) -> tuple[Guess | None, str | None]:
        """Return the key that an unknown one was probably meant to be, or else advice on it."""
        present = {each.key for each in node.entries}
        free = [k.name for k in block.keys if not k.deprecated and k.name not in present]
        guess = known_as(key, free)
        elsewhere = None if guess else (_elsewhere(key, block, node, place) or hint(key))
        if guess is None and elsewhere is None:
            guess = guess_word(key, free)
        return guess, elsewhere

    def _renamed(self, span: Span, guess: Guess) -> Fix:
        quoted = self._text[span.start.offset] in "\"'"
        written = json.dumps(guess.word) if quoted else guess.word
        safety = "safe" if guess.safe else "unsafe"
        return Fix(f"write `{guess.word}`", (Edit(span, written),), safety)

    def missing(self, key: Key, node: Mapping, place: Place) -> Diagnostic:
        """Say that a key is missing."""
        example = key.examples[0]
        help_ = f"add `{key.name}: {example}`" if isinstance(example, str) else f"add `{key.name}:`"
        message = f"{place.label} has no `{key.name}`"
        return Diagnostic("DN2002", message, _key_span(node, place), help=help_)

    def missing_config(self, block: Block, node: Mapping, place: Place) -> Diagnostic:
        """Say that the `config` of a step is missing."""
        message = f"{place.label} has no `config`"
        help_ = f"add `config: {flow(block.examples[-1])}`"
        return Diagnostic("DN2002", message, _key_span(node, place), help=help_)

    def missing_task(self, kind: StepType, node: Mapping, place: Place) -> Diagnostic:
        """Say that the task of a step is missing."""
        message, help_ = f"{place.label} has no `task`", "add `task: git.diff`"
        if kind.task == "instead":
            help_ += ", or a body of `steps` in `config`"
        elif node.entry("config") is not None and (types := _types_by_config(node)):
            help_ += f", or say what it is: `type: {types[0]}`"
        return Diagnostic("DN2002", message, _key_span(node, place), help=help_)

    def needless_task(self, entry: Entry, kind: StepType) -> Diagnostic:
        """Say that a type of step has no task."""
        message = f"a step of type `{kind.name}` has no `task`"
        help_ = "remove it; what is to be done is in `config`"
        return Diagnostic("DN2011", message, entry.key_span, help=help_)

    def none_of(self, names: AnySequence[str], node: Mapping, place: Place) -> Diagnostic:
        """Say that one of some keys is needed."""
        listed = either(names)
        message = f"{place.label} needs one of {listed}"
        return Diagnostic("DN2010", message, _key_span(node, place), help=f"add {listed}")

    def both(self, first: Entry, second: Entry, place: Place) -> Diagnostic:
        """Say that two keys do not go together."""
        message = f"{place.label} has `{first.key}`, so it cannot have `{second.key}`"
        labels = (Label(first.key_span, "the other one"),)
        help_ = "remove one of them"
        return Diagnostic("DN2010", message, second.key_span, labels=labels, help=help_)

    def malformed_key(self, kind: Text, entry: Entry) -> Diagnostic:
        """Say that a key of the author's choice has the wrong form."""
        wrong = _not_valid(kind)
        help_ = kind.form or None
        return Diagnostic("DN2005", f"`{cut(entry.key)}` {wrong}", entry.key_span, help=help_)

    def long_key(self, entry: Entry, limit: int) -> Diagnostic:
        """Say that a key of the author's choice is too long."""
        message = f"`{cut(entry.key)}` must have at most {limit} characters"
        return Diagnostic("DN2006", message, entry.key_span)

    # Values

    def wrong_type(
        self,
        types: tuple[str, ...],
        node: Node,
        place: Place,
        pattern: str = "",
        form: str = "",
    ) -> Diagnostic:
        """Say that a value has the wrong type; `pattern` is that of texts there."""
        span = _value_span(node, place)
        actual = _ARTICLES[kind_of(node)]
        if place.label in _ROOTS:
            noun, beginning = _ROOTS[place.label]
            message = f"{noun} is a mapping, not {actual}"
            return Diagnostic("DN2003", message, span, help=beginning)
        wanted = " or ".join(words for kind, words in _ARTICLES.items() if kind in types)
        message = f"{place.label} must be {wanted}, not {actual}"
        if types == ("array",) and isinstance(node, Mapping) and node.entries:
            help_, fixes = self._listed(node, place)
        else:
            help_, fixes = self._conversion(types, node, pattern, form)
        return Diagnostic("DN2003", message, span, help=help_, fixes=fixes)

    def _conversion(
        self, types: tuple[str, ...], node: Node, pattern: str, form: str
    ) -> tuple[str | None, tuple[Fix, ...]]:
        """Return how a value of the wrong type becomes right, where that is a matter of writing."""
        if not isinstance(node, Scalar) or node.span.start.line != node.span.end.line:
            return None, ()
        start, end = node.span.start, node.span.end
        if types == ("array",) and isinstance(node.value, str):
            edits = Edit(Span(start, start), "["), Edit(Span(end, end), "]")
            return f"write a list: `[{shown(node)}]`", (Fix("make it a list", edits, "safe"),)
        if "string" in types and node.style == "plain" and node.value is not None:
            if re.search(pattern, self._text[start.offset : end.offset]) is None:
                return form, ()
            edits = Edit(Span(start, start), '"'), Edit(Span(end, end), '"')
            return "quote it to make it a string", (Fix("quote it", edits, "safe"),)
        if node.style in {"single", "double"} and not _UNQUOTED.isdisjoint(types):
            return self._unquoted(types, node)
        return None, ()

    def _unquoted(self, types: tuple[str, ...], node: Scalar) -> tuple[str, tuple[Fix, ...]]:
        text = str(node.value)
        fits = {
            "boolean": re.fullmatch("true|false", text),
            "integer": re.fullmatch("-?(0|[1-9][0-9]{0,17})", text),
            "number": re.fullmatch(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?", text),
        }
        fix = Fix("remove the quotes", (Edit(node.span, text),), "safe")
        right = any(fits.get(kind) for kind in types)
        return "remove the quotes", (fix,) if right else ()

    def _listed(self, node: Mapping, place: Place) -> tuple[str | None, tuple[Fix, ...]]:
        """Return how a mapping of steps by id becomes the list of them."""
        if _key_of(place) not in {"steps", "finally", "triggers"}:
            return None, ()
        first = node.entries[0].key
        help_ = f"write a list, each with its `id`: `- id: {cut(first)}`"
        edits: list[Edit] = []
        for entry in node.written:
            value, at = entry.value, entry.key_span.start
            block = isinstance(value, Mapping) and value.entries and value.span.start.line > at.line
            if not block or value.span.start.column != at.column + 2 or entry.merged:
                return help_, ()
            edits.append(Edit(Span(at, value.span.start), self._item(entry, value)))
        return help_, (Fix("make it a list", tuple(edits), "unsafe"),)

    def _item(self, entry: Entry, value: Node) -> str:
        between = self._text[entry.key_span.end.offset : value.span.start.offset]
        return f"- id: {entry.key}" + between[between.index(":") + 1 :]

    def no_such_word(self, options: AnySequence[str], node: Node, place: Place) -> Diagnostic:
        """Say that a value is none of some words."""
        span, said = _value_span(node, place), shown(node)
        offered = [option for option in options if option]
        listed = " or ".join(f"`{option}`" for option in offered)
        message = f"{place.label} must be {listed}, not `{said}`"
        if len(offered) > OPTIONS_SHOWN_MAX:
            message = f"{place.label} cannot be `{said}`"
            listed = either(offered)
        is_type = place.key == "type"
        guess = guess_type(said, offered) if is_type else guess_word(said, offered)
        if guess is None or not isinstance(node, Scalar):
            return Diagnostic("DN2004", message, span, help=f"write {listed}")
        written = {"single": "'{}'", "double": '"{}"'}.get(node.style, "{}").format(guess.word)
        safety = "safe" if guess.safe else "unsafe"
        fix = Fix(f"write `{guess.word}`", (Edit(node.span, written),), safety)
        help_ = f"did you mean `{guess.word}`?"
        return Diagnostic("DN2004", message, span, help=help_, fixes=(fix,))

    def not_the_one(self, value: float, node: Node, place: Place) -> Diagnostic:
        """Say that only one value is possible."""
        actual = cut(json.dumps(to_json(node), ensure_ascii=False))
        message = f"{place.label} must be `{value}`, not `{actual}`"
        return Diagnostic("DN2004", message, _value_span(node, place), help=f"write `{value}`")

    def malformed(self, kind: Text, value: str, node: Node, place: Place) -> Diagnostic:
        """Say that a text has the wrong form."""
        message = f"`{cut(value)}` {_not_valid(kind)}"
        return Diagnostic("DN2005", message, _value_span(node, place), help=kind.form or None)

    def no_duration(self, value: str, node: Node) -> Diagnostic:
        """Say that a text is no duration."""
        message = f"`{cut(value)}` is not a duration"
        return Diagnostic("DN2007", message, node.span, help=DURATION_FORM)

    def broken(
        self, about: str, node: Node, place: Place, *, help_: str | None = None
    ) -> Diagnostic:
        """Say that a value breaks a bound."""
        message = f"{place.label} {about}"
        return Diagnostic("DN2006", message, _value_span(node, place), help=help_)


def _elsewhere(key: str, block: Block, node: Mapping, place: Place) -> str | None:
    """Return where in a step a key belongs that does not belong here."""
    if block.name == "step":
        mine = str(to_json(held)) if (held := node.get("type")) else "normal"
        owners = _owners(key)
        if mine in owners:
            return f"`{key}` belongs in the `config` of the step"
        if owners:
            return f"`{key}` belongs in the `config` of a step of type {either(owners)}"
    if place.type:
        if any(each.name == key and not each.deprecated for each in BLOCKS["step"].keys):
            return f"`{key}` belongs to the step itself, beside `config`"
        if owners := [name for name in _owners(key) if name != place.type]:
            mine = f"this one is of type `{place.type}`"
            return f"`{key}` belongs to steps of type {either(owners)}, and {mine}"
    return None


def _owners(key: str) -> list[str]:
    """Return the types of steps that have a key in their `config`."""
    return [
        kind.name
        for kind in STEP_TYPES
        if kind.config and any(k.name == key and not k.deprecated for k in BLOCKS[kind.config].keys)
    ]


def _types_by_config(node: Mapping) -> list[str]:
    """Return the types whose `config` has all the keys that a step has there."""
    config = node.get("config")
    if not isinstance(config, Mapping) or not config.entries:
        return []
    owners = [set(_owners(entry.key)) for entry in config.entries]
    common = set.intersection(*owners)
    return [kind.name for kind in STEP_TYPES if kind.name in common]


def _not_valid(kind: Text) -> str:
    name = _NAMES.get(kind.definition or "")
    return f"is not a valid {name}" if name else "does not have the form it needs"


def _key_of(place: Place) -> str:
    return place.entry.key if place.entry else ""


def _key_span(node: Node, place: Place) -> Span:
    """Return the place that stands for a whole node: its key, or its first key."""
    if place.entry is not None:
        return place.entry.key_span
    if isinstance(node, Mapping) and node.entries:
        return node.entries[0].key_span
    return node.span if node.span.end > node.span.start else NOWHERE


def _value_span(node: Node, place: Place) -> Span:
    return node.span if node.span.end > node.span.start else _key_span(node, place)


def types_of(node: Node) -> frozenset[str]:
    """Return the types of JSON that a node has: `3.0` is an integer too."""
    kind = kind_of(node)
    if kind == "integer":
        return frozenset({"integer", "number"})
    if kind == "number" and isinstance(node, Scalar) and isinstance(node.value, float):
        return frozenset({"number", "integer"} if node.value.is_integer() else {"number"})
    return frozenset({kind})


def kind_of(node: Node) -> str:
    """Return the type of JSON that a node has."""
    match node:
        case Mapping():
            return "object"
        case Sequence():
            return "array"
        case Scalar(value=None):
            return "null"
        case Scalar(value=bool()):
            return "boolean"
        case Scalar(value=int()):
            return "integer"
        case Scalar(value=float()):
            return "number"
        case _:
            return "string"


def either(names: AnySequence[str]) -> str:
    """Return names as a choice: `a`, `b` or `c`."""
    listed = [f"`{name}`" for name in names]
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def shown(node: Node) -> str:
    """Return a value as a message repeats it."""
    value = to_json(node)
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def cut(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def counted(number: int, noun: str) -> str:
    """Return `1 item`, `2 items`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|[1-9][0-9]*(ms|s|m|h|d)")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def flow(value: object) -> str:
    """Return a value of JSON in YAML on one line."""
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{flow(key)}: {flow(part)}" for key, part in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
