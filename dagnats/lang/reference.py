"""The reference of the language in Markdown, made from its definitions.

`docs/reference.md` is written by `make bless` and compared by a test.
"""

import json
from collections.abc import Iterator
from typing import Any, assert_never

from dagnats.lang.definitions.steps import STEP_TYPES, StepType
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import (
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

_INTRODUCTION = """# Reference of the language

Every key of a workflow document, made from the definitions that the compiler reads documents by.
[The language](language.md) explains; this page lists. Keys that begin with `x-` are yours and may
stand anywhere.
"""
_SECTIONS = (
    ("The document", ("workflow", "defaults", "contract", "library")),
    ("Steps", ("step", "dependency", "retry", "codeRetry", "rateLimit", "keyedRateLimit")),
    ("Runs", ("concurrency", "singleton", "priority", "cancelOn", "budget")),
    (
        "Triggers",
        (
            "trigger",
            "cronTrigger",
            "subjectTrigger",
            "eventTrigger",
            "webhookTrigger",
            "httpTrigger",
            "externalTrigger",
            "debounce",
        ),
    ),
    ("Old forms", ("skipIf", "goMatch")),
)
_TASKS = {
    "needed": "It has a `task`.",
    "none": "It has no `task`.",
    "instead": "It has a `task`, or a body of `steps` in `config`.",
}


def reference() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *_types(), *_sections()]).rstrip() + "\n"


def _types() -> Iterator[str]:
    yield "## Types of steps\n"
    yield "| `type` | |"
    yield "|---|---|"
    for kind in STEP_TYPES:
        yield f"| [`{kind.name}`](#{anchor(kind.name)}) | {kind.doc} |"
    yield ""
    for kind in STEP_TYPES:
        yield from _type(kind)


def _type(kind: StepType) -> Iterator[str]:
    yield f"### `{kind.name}`\n"
    bound = f" Its bound is `{kind.bound}`, there or in `defaults`." if kind.bound else ""
    yield f"{kind.doc[0].upper()}{kind.doc[1:]}. {_TASKS[kind.task]}{bound}\n"
    if kind.config is not None:
        yield from _keys(BLOCKS[kind.config])


def _sections() -> Iterator[str]:
    for title, names in _SECTIONS:
        yield f"## {title}\n"
        for name in names:
            block = BLOCKS[name]
            yield f"### {block.title}\n"
            yield f"{block.doc}\n"
            yield from _keys(block)
        if title == "Steps":
            yield from _nested(("escalation", "case"))


def _nested(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield f"### {BLOCKS[name].title}\n"
        yield f"{BLOCKS[name].doc}\n"
        yield from _keys(BLOCKS[name])


def _keys(block: Block) -> Iterator[str]:
    yield "| key | value | meaning |"
    yield "|---|---|---|"
    for key in block.keys:
        yield f"| {_name(key)} | {_escaped(kind_text(key.kind))} | {_escaped(_meaning(key))} |"
    yield ""
    for group in block.one_of:
        yield f"Exactly one of {', '.join(f'`{name}`' for name in group)}.\n"
    yield "```yaml"
    yield _yaml(block.examples[-1])
    yield "```\n"


def _name(key: Key) -> str:
    required = " (required)" if key.required else ""
    return f"`{key.name}`{required}"


def _meaning(key: Key) -> str:
    parts = [key.doc]
    if isinstance(key.kind, Choice) and any(doc for _, doc in key.kind.words):
        words = "; ".join(f"`{word}`: {doc}" for word, doc in key.kind.words if doc)
        parts.append(f"{words}.")
    if key.default is not None:
        parts.append(f"Default: `{json.dumps(key.default)}`.")
    if key.old:
        parts.append(f"Old spelling: {', '.join(f'`{old}`' for old in key.old)}.")
    return " ".join(parts)


def kind_text(kind: Kind) -> str:  # noqa: C901, PLR0912 (one case a kind)
    """Return what an author calls a kind of value."""
    match kind:
        case Text():
            return {"id": "id", "task": "task name"}.get(kind.definition or "", "string")
        case Flag():
            return "true or false"
        case Integer(minimum=low, maximum=high) | Number(minimum=low, maximum=high):
            noun = "integer" if isinstance(kind, Integer) else "number"
            return f"{noun}, {low:,} to {high:,}"
        case Duration():
            return "duration"
        case Json():
            return "any value"
        case JsonSchema():
            return "JSON Schema"
        case Expression(returns=returns):
            return f"expression that gives {returns}"
        case Template(of=of):
            return "any value with `${{ }}`" if not of else f"{' or '.join(of)}, `${{{{ }}}}`"
        case Choice(words=words):
            return " or ".join(f"`{word}`" for word, _ in words)
        case Ref(block=name):
            block = BLOCKS[name]
            return f"[{block.title.lower()}](#{anchor(block.title)})"
        case ListOf(item=item, alone=alone):
            return f"list of: {kind_text(item)}" + (", or one alone" if alone else "")
        case MapOf(value=value):
            return f"mapping of: {kind_text(value)}"
        case Either(kinds=kinds):
            return " or ".join(map(kind_text, kinds))
        case _:
            assert_never(kind)


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    kept = (c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return "".join(kept)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _yaml(value: Any) -> str:
    """Return a value as YAML that a person would write: blocks outside, flow inside."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_flow(part)}" for key, part in value.items())
    return _flow(value)


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if value and all(c.isalnum() or c in "_-." for c in value):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
