"""What an author is told when the schema refuses a place: one wording for each kind of error."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Edit, Fix, Span
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, locate, to_json
from dagnats.source.spelling import guess_key, guess_word

SHOWN_CHARS_MAX = 40
"""Characters of an author's text that a message repeats."""

_ARTICLES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_UNQUOTED = frozenset({"integer", "number", "boolean"})
_BEGINNING = "begin with `name:` and `steps:`"
_FORMS = {
    "duration": (
        "DN2007",
        "is not a duration",
        "write numbers with units d, h, m, s, ms, us or ns, as in `1h30m`",
    ),
    "id": ("DN2005", "is not a valid id", "use letters, digits, `_` and `-`, at most 64"),
    "dependency": ("DN2005", "is not a valid id", "use letters, digits, `_` and `-`, at most 64"),
    "task": (
        "DN2005",
        "is not a valid task name",
        "use letters, digits, `_` and `-`, words joined by dots, as in `git.diff`",
    ),
}
"""What the patterns of the schema's definitions mean."""


_WORDS: dict[str, Callable[[Any], str]] = {
    "type": lambda e: f"must be {_wanted(e)}, not {_ARTICLES[_kind(e.instance)]}",
    "required": lambda e: f"`{e.kind.property}` is missing",
    "additionalProperties": lambda e: f"{_listed(e.kind.unexpected)} is not expected",
    "unevaluatedProperties": lambda e: f"{_listed(e.kind.unexpected)} is not expected",
    "enum": lambda e: f"must be one of {_listed(e.kind.options)}",
    "const": lambda e: f"must be {_listed([e.kind.expected_value])}",
    "pattern": lambda e: f"must match `{e.kind.pattern}`",
    "format": lambda e: f"must be a valid `{e.kind.format}`",
    "minimum": lambda e: f"must be at least {e.kind.limit}",
    "maximum": lambda e: f"must be at most {e.kind.limit}",
    "exclusiveMinimum": lambda e: f"must be more than {e.kind.limit}",
    "exclusiveMaximum": lambda e: f"must be less than {e.kind.limit}",
    "multipleOf": lambda e: f"must be a multiple of {e.kind.multiple_of}",
    "minLength": lambda e: f"must have at least {_counted(e.kind.limit, 'character')}",
    "maxLength": lambda e: f"must have at most {_counted(e.kind.limit, 'character')}",
    "minItems": lambda e: f"must have at least {_counted(e.kind.limit, 'item')}",
    "maxItems": lambda e: f"must have at most {_counted(e.kind.limit, 'item')}",
    "minProperties": lambda e: f"must have at least {_counted(e.kind.limit, 'key')}",
    "maxProperties": lambda e: f"must have at most {_counted(e.kind.limit, 'key')}",
    "uniqueItems": lambda _: "must not hold the same item twice",
    "contains": lambda _: "must hold an item of the required kind",
    "anyOf": lambda _: "fits none of the allowed forms",
    "oneOf": lambda _: "must fit exactly one of the allowed forms",
    "not": lambda _: "has a form that is excluded",
    "falseSchema": lambda e: "no keys are expected" if _on_keys(e) else "must not be there",
    "$ref": lambda e: _lost(str(e.message)),
    "propertyNames": lambda e: f"the key `{_cut(str(e.kind.error.instance))}` is not allowed",
}


def words(error: Any) -> str:
    """Return what is wrong with a value, without saying where."""
    say = _WORDS.get(keyword(error))
    return say(error) if say else "does not fit its schema"


def keyword(error: Any) -> str:
    """Return the keyword of JSON Schema that failed."""
    return str(error.kind.name)


def dotted(path: list[str | int]) -> str:
    """Return a path as people write it: `$.a[0].b`."""
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path)


class Complaints:
    """Turns the errors of one document into findings."""

    def __init__(self, document: Document, schema: Any) -> None:
        self._document = document
        self._schema = schema
        self._meant: set[tuple[str | int, ...]] = set()

    def about(self, error: Any) -> Iterator[Diagnostic]:
        """Yield the findings of an error: one for each unknown key, else one."""
        path: list[str | int] = list(error.instance_path)
        node, entry = locate(self._document.root, path)
        match keyword(error):
            case "additionalProperties":
                allowed = self._at(error.schema_path[:-1]).get("properties", {})
                for key in error.kind.unexpected:
                    yield self._unknown_key(key, path, node, allowed)
            case "required":
                name = error.kind.property
                if (*path, name) not in self._meant:
                    message = f"{_called(path)} has no `{name}`"
                    help_ = self._add_key(name, error)
                    yield Diagnostic("DN2002", message, _key_span(node, entry), help=help_)
            case "propertyNames":
                name = str(error.kind.error.instance)
                code, wrong, form = _form(error)
                bad = node.entry(name) if isinstance(node, Mapping) else None
                span = bad.key_span if bad else node.span
                yield Diagnostic(code, f"`{_cut(name)}` {wrong}", span, help=form)
            case _:
                yield self._value_finding(error, path, node, entry)

    def _unknown_key(
        self, key: str, path: list[str | int], node: Node, allowed: dict[str, Any]
    ) -> Diagnostic:
        entries = node.entries if isinstance(node, Mapping) else ()
        span = next((e.key_span for e in entries if e.key == key), node.span)
        present = {e.key for e in entries}
        usual = [name for name, about in allowed.items() if not about.get("deprecated")]
        guess = guess_key(key, [name for name in usual if name not in present])
        message = f"{_called(path)} has no key `{_cut(key)}`"
        if guess is None:
            names = ", ".join(f"`{name}`" for name in usual if name != "$schema") or "no keys"
            help_ = f"it takes {names}; keys that begin with `x-` are ignored"
            return Diagnostic("DN2001", message, span, help=help_)
        self._meant.add((*path, guess.word))
        quoted = self._document.text[span.start.offset] in "\"'"
        written = json.dumps(guess.word) if quoted else guess.word
        applicability = "safe" if guess.safe else "unsafe"
        fix = Fix(f"write `{guess.word}`", (Edit(span, written),), applicability)
        help_ = f"did you mean `{guess.word}`?"
        return Diagnostic("DN2001", message, span, help=help_, fixes=(fix,))

    def _add_key(self, name: str, error: Any) -> str:
        about = self._at(error.schema_path[:-1]).get("properties", {}).get(name, {})
        example = (about.get("examples") or [None])[0]
        return f"add `{name}: {example}`" if isinstance(example, str) else f"add `{name}:`"

    def _value_finding(
        self, error: Any, path: list[str | int], node: Node, entry: Entry | None
    ) -> Diagnostic:
        span = node.span if node.span.end > node.span.start else _key_span(node, entry)
        name = _called(path)
        match keyword(error):
            case "type":
                actual = _ARTICLES[_kind(to_json(node))]
                if not path:
                    message = f"a workflow is a mapping, not {actual}"
                    return Diagnostic("DN2003", message, span, help=_BEGINNING)
                message = f"{name} must be {_wanted(error)}, not {actual}"
                help_, fixes = self._conversion(error, node)
                return Diagnostic("DN2003", message, span, help=help_, fixes=fixes)
            case "enum":
                return _enum(error.kind.options, node, span, name)
            case "const":
                expected = json.dumps(error.kind.expected_value)
                actual = _cut(json.dumps(to_json(node), ensure_ascii=False))
                message = f"{name} must be `{expected}`, not `{actual}`"
                return Diagnostic("DN2004", message, span, help=f"write `{expected}`")
            case "pattern":
                code, wrong, form = _form(error)
                return Diagnostic(code, f"`{_shown(node)}` {wrong}", span, help=form)
            case _:
                more = None if keyword(error) != "minItems" else "add at least one"
                return Diagnostic("DN2006", f"{name} {words(error)}", span, help=more)

    def _conversion(self, error: Any, node: Node) -> tuple[str | None, tuple[Fix, ...]]:
        """Return how a value of the wrong type becomes right, where that is a matter of writing."""
        if not isinstance(node, Scalar) or node.span.start.line != node.span.end.line:
            return None, ()
        wanted: list[str] = error.kind.types
        start, end = node.span.start, node.span.end
        if wanted == ["array"] and isinstance(node.value, str):
            edits = Edit(Span(start, start), "["), Edit(Span(end, end), "]")
            return f"write a list: `[{_shown(node)}]`", (Fix("make it a list", edits, "safe"),)
        if "string" in wanted and node.style == "plain" and node.value is not None:
            form = self._at(error.schema_path[:-1]).get("pattern", "")
            if re.search(form, self._document.text[start.offset : end.offset]) is None:
                return _form(error)[2], ()
            edits = Edit(Span(start, start), '"'), Edit(Span(end, end), '"')
            return "quote it to make it a string", (Fix("quote it", edits, "safe"),)
        if node.style in {"single", "double"} and not _UNQUOTED.isdisjoint(wanted):
            return "remove the quotes", ()
        return None, ()

    def _at(self, path: list[str | int]) -> Any:
        schema = self._schema
        for part in path:
            schema = schema[part]
        return schema


def _enum(options: list[Any], node: Node, span: Span, name: str) -> Diagnostic:
    choices = " or ".join(f"`{option}`" for option in options)
    shown = _shown(node)
    message = f"{name} must be {choices}, not `{shown}`"
    guess = guess_word(shown, [str(option) for option in options])
    if guess is None or not isinstance(node, Scalar):
        return Diagnostic("DN2004", message, span, help=f"write {choices}")
    written = {"single": "'{}'", "double": '"{}"'}.get(node.style, "{}").format(guess.word)
    fix = Fix(f"write `{guess.word}`", (Edit(span, written),), "safe")
    return Diagnostic("DN2004", message, span, help=f"did you mean `{guess.word}`?", fixes=(fix,))


def _form(error: Any) -> tuple[str, str, str | None]:
    """Return code, wording and help of a failed pattern, by the definition that holds it."""
    path = error.schema_path
    if len(path) > 1 and path[0] == "$defs" and path[1] in _FORMS:
        return _FORMS[path[1]]
    return "DN2005", "does not have the form it needs", None


def _key_span(node: Node, entry: Entry | None) -> Span:
    """Return the place that stands for a whole node: its key, or its first key."""
    if entry is not None:
        return entry.key_span
    if isinstance(node, Mapping) and node.entries:
        return node.entries[0].key_span
    return node.span if node.span.end > node.span.start else NOWHERE


def _called(path: list[str | int]) -> str:
    """Return what to call the value at a path."""
    if not path:
        return "the workflow"
    last = path[-1]
    if isinstance(last, str):
        return f"`{last}`"
    return {"steps": "the step", "depends_on": "the dependency"}.get(
        str(path[-2]) if len(path) > 1 else "", f"item {last + 1} of `{path[-2]}`"
    )


def _on_keys(error: Any) -> bool:
    return bool(error.schema_path[-1:] == ["additionalProperties"])


def _lost(message: str) -> str:
    """Return what a reference misses; the library only says so in words."""
    target = message.split("'")[1] if message.count("'") > 1 else "…"
    return f"the reference to `{_cut(target)}` leads nowhere in this schema"


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _shown(node: Node) -> str:
    value = to_json(node)
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def _wanted(error: Any) -> str:
    return " or ".join(_ARTICLES[kind] for kind in error.kind.types)


def _listed(values: list[Any]) -> str:
    return ", ".join(f"`{v if isinstance(v, str) else json.dumps(v)}`" for v in values)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
