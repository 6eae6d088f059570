"""How types, functions, keys and bounds are told to someone who hovers over them: Markdown."""

import json
import re

from dagnats.expr.signatures import Function, Overload
from dagnats.expr.types import Object, Optional, Type, Union, display
from dagnats.ir.program import Bound, Certificate
from dagnats.lang.keys import Block, Choice, Key
from dagnats.lang.reference import kind_text

FIELDS_SHOWN_MAX = 20
_MS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))

ROOTS = {
    "error": "The error that this handler is run for.",
    "event": "The event that is looked at.",
    "index": "The number of the item, from 0.",
    "input": "What the run was started with.",
    "item": "The item of the list that this is done for.",
    "loop": "`iteration`, from 0, and `state`, what the one before has left.",
    "result": "What the iteration has given.",
    "run": "`id`, `workflow`, `generation`, `started_at` and `labels` of this run.",
    "secrets": "Secrets by name; they may reach inputs of tasks only.",
    "steps": "The steps that this one can refer to, by id.",
    "trigger": "What started the run.",
    "vars": "The values of `vars`.",
}

MACROS = {
    "all": ("all(${1:x}, ${2:condition})", "Whether a condition holds for every item."),
    "exists": ("exists(${1:x}, ${2:condition})", "Whether a condition holds for some item."),
    "exists_one": ("exists_one(${1:x}, ${2:condition})", "Whether it holds for exactly one item."),
    "filter": ("filter(${1:x}, ${2:condition})", "The items for which a condition holds."),
    "map": ("map(${1:x}, ${2:value})", "A value for each item."),
    "sortBy": ("sortBy(${1:x}, ${2:key})", "The items in the order of a key."),
    "transformList": ("transformList(${1:i}, ${2:x}, ${3:value})", "A value for each entry."),
    "transformMap": ("transformMap(${1:k}, ${2:v}, ${3:value})", "A new value for each key."),
}
OPTIONAL_MACROS = {
    "optMap": ("optMap(${1:x}, ${2:value})", "A value of what is there, if it is."),
    "optFlatMap": ("optFlatMap(${1:x}, ${2:optional})", "An optional of what is there, if it is."),
}
GLOBAL_MACROS = {
    "has": ("has(${1:value.field})", "Whether a field is there."),
    "cel.bind": ("cel.bind(${1:x}, ${2:value}, ${3:result})", "A name for a value."),
}


def code(text: str) -> str:
    """Return a block of code."""
    return f"```cel\n{text}\n```"


def type_block(name: str, type_: Type) -> str:
    """Return a name with its type, and the fields of an object."""
    return "\n\n".join([code(f"{name}: {display(type_)}"), *_fields(type_)])


def _fields(type_: Type) -> list[str]:
    match type_:
        case Object(fields=fields) if fields:
            lines = [
                f"- `{name}{'' if sure else '?'}`: `{display(part)}`"
                for name, (part, sure) in list(fields.items())[:FIELDS_SHOWN_MAX]
            ]
            more = len(fields) - FIELDS_SHOWN_MAX
            return ["\n".join([*lines, *([f"- … {more} more"] if more > 0 else [])])]
        case Optional(of=of):
            return _fields(of)
        case Union(members=members):
            objects = [member for member in members if isinstance(member, Object)]
            return _fields(objects[0]) if len(objects) == 1 else []
        case _:
            return []


def signature(function: Function, overload: Overload) -> str:
    """Return how an overload is called."""
    params = [display(param) for param in overload.params]
    more = ", …" if function.variadic else ""
    result = display(overload.result)
    if overload.method:
        return f"{params[0]}.{function.name}({', '.join(params[1:])}{more}) → {result}"
    return f"{function.name}({', '.join(params)}{more}) → {result}"


def function_block(function: Function) -> str:
    """Return a function with its overloads and what it does."""
    calls = "\n".join(signature(function, each) for each in function.overloads)
    return f"{code(calls)}\n\n{function.doc}"


def key_block(block: Block, key: Key) -> str:
    """Return what a key means."""
    required = ", required" if key.required else ""
    parts = [f"**`{key.name}`** of {block.title.lower()}{required}: {_kind(key)}", key.doc]
    if isinstance(key.kind, Choice):
        parts.append(
            "\n".join(f"- `{word}`{f': {doc}' if doc else ''}" for word, doc in key.kind.words)
        )
    if key.default is not None:
        parts.append(f"Default: `{json.dumps(key.default)}`.")
    if key.examples:
        example = json.dumps(key.examples[0], ensure_ascii=False)
        parts.append(f"```yaml\n{key.name}: {example}\n```")
    return "\n\n".join(parts)


def _kind(key: Key) -> str:
    """Return what kind of value a key has; the links of the reference lead nowhere here."""
    return re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", kind_text(key.kind))


def duration(milliseconds: int) -> str:
    """Return a span of time in at most two units."""
    parts: list[str] = []
    left = milliseconds
    for unit, size in _MS:
        if left >= size and len(parts) < 2:
            parts.append(f"{left // size}{unit}")
            left %= size
    return " ".join(parts) or f"{milliseconds}ms"


def short_certificate(found: Certificate) -> str:
    """Return the bounds of a run in one line."""
    time = "no bound on time" if found.duration_ms.max is None else duration(found.duration_ms.max)
    parts = [
        f"≤ {_number(found.attempts)} attempts",
        f"{_number(found.events)} events",
        f"{_number(found.concurrent_steps)} steps at once",
        time,
    ]
    parts += [f"{_number(found.tokens)} tokens"] if found.tokens.max is not None else []
    parts += [f"{found.usd.max} USD"] if found.usd.max is not None else []
    return " · ".join(parts)


def certificate_block(found: Certificate) -> str:
    """Return the bounds of a run as a table."""
    names = ("attempts", "events", "bytes", "concurrent_steps", "timers", "expression_cost")
    rows = [f"| {name.replace('_', ' ')} | {_told(getattr(found, name))} |" for name in names]
    rows.append(f"| duration | {_told(found.duration_ms, is_time=True)} |")
    rows += [f"| {name} | {_told(getattr(found, name))} |" for name in ("tokens", "usd")]
    return "\n".join(["| at most | |", "|---|---|", *rows])


def _told(bound: Bound, *, is_time: bool = False) -> str:
    if bound.max is None:
        return bound.symbolic
    value = duration(int(bound.max)) if is_time else _number(bound)
    formula = "" if bound.symbolic == str(bound.max) else f" = `{bound.symbolic}`"
    mainly = f", mostly `{bound.dominant_step}`" if bound.dominant_step else ""
    return f"{value}{formula}{mainly}"


def _number(bound: Bound) -> str:
    return bound.symbolic if bound.max is None else f"{bound.max:,}"


def without_stops(snippet: str) -> str:
    """Return a snippet as plain text."""
    return re.sub(r"\$\{\d+:([^}]*)\}", r"\1", snippet)
