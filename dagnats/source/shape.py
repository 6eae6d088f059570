"""Whether a value fits its JSON Schema, and a JSON Schema is one.

The only module that knows jsonschema_rs, which costs 40 ms to import and is imported when first
needed: documents themselves are checked by `lang.shape`. The library's texts reach no author:
`complaints` words each kind of error. Nothing is ever
fetched: a reference to another document is an error of the schema that holds it.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from dagnats.source.complaints import dotted, keyword, words
from dagnats.source.plain import TYPES, is_plain

COMPLAINTS_MAX = 20
"""Complaints about one value; more would not help."""

_UNREADABLE = "is nested too deeply, or holds half of a surrogate pair"
VALIDATORS_CACHED_MAX = 256
PARTS_MAX = 10_000
"""Schemas that one value is held against, references followed."""

REFERENCES_MIN = 10
"""Fewer references cannot multiply that much."""

_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("not", "if", "then", "else")


def check_value(schema: Any, value: Any) -> list[str]:
    """Return what is wrong with a value, as `at $.a.b: …`; nothing if it fits its JSON Schema.

    At most `COMPLAINTS_MAX` complaints. The schema must have passed `check_schema`.
    """
    complaints = [f"at {dotted(path)}: {wrong}" for path, wrong in value_problems(schema, value)]
    return [*complaints[:COMPLAINTS_MAX], *(["and more"] if complaints[COMPLAINTS_MAX:] else [])]


def checker(schema: Any) -> Callable[[Any], list[str]]:
    """Return `check_value` for one schema, which costs next to nothing for a value that fits."""
    validator = _validator(json.dumps(schema))

    def check(value: Any) -> list[str]:
        try:
            if validator.is_valid(value):
                return []
        except ValueError:  # said by the complaints
            pass
        return check_value(schema, value)

    return check


def value_problems(schema: Any, value: Any) -> list[tuple[list[str | int], str]]:
    """Return what is wrong with a value and where in it, one more than `COMPLAINTS_MAX` at most."""
    validator = _validator(json.dumps(schema))
    try:
        errors = validator.iter_errors(value)
    except ValueError:  # the library follows so many levels and no more
        return [([], _UNREADABLE)]
    return [
        (list(error.instance_path), words(error)) for error in islice(errors, COMPLAINTS_MAX + 1)
    ]


def check_schema(schema: Any) -> str | None:
    """Return why something is no JSON Schema (draft 2020-12), or None when it is one."""
    problem = schema_problem(schema)
    if problem is None:
        return None
    path, wrong = problem
    return f"at {dotted(path)}: {wrong}" if path else wrong


def schema_problem(schema: Any) -> tuple[list[str | int], str] | None:
    """Return where and why something is no JSON Schema, or None when it is one."""
    if not isinstance(schema, (dict, bool)):
        return [], "a schema is a mapping, true or false"
    if is_plain(schema):
        return None
    try:
        _validator(json.dumps(schema))
        many = _is_explosive(schema)
    except ValueError as wrong:
        return _schema_words(wrong)
    except RecursionError:
        return [], _UNREADABLE
    return ([], f"its references stand for more than {PARTS_MAX:,} schemas") if many else None


def _is_explosive(schema: Any) -> bool:
    """Whether one value would have to fit more schemas than anyone means.

    What refers twice to what refers twice has four at the second level, and a million at the 20th.
    """
    if json.dumps(schema).count('"$ref"') < REFERENCES_MIN:
        return False
    known: dict[str, int] = {}

    def parts(of: Any) -> int:
        if not isinstance(of, dict):
            return 1
        inner = [part for key in _LISTS for part in of.get(key, ())]
        inner += [of[key] for key in _SINGLE if key in of]
        inner += of.get("dependentSchemas", {}).values()
        count = 1 + sum(map(parts, inner))
        reference = of.get("$ref")
        if isinstance(reference, str):
            if reference not in known:
                known[reference] = 1  # what contains itself is the validator's affair
                known[reference] = parts(_target(schema, reference))
            count += known[reference]
        return min(count, PARTS_MAX + 1)

    definitions = [part for key in ("$defs", "schemas") for part in _values(schema, key)]
    return any(parts(each) > PARTS_MAX for each in (schema, *definitions))


def _values(schema: Any, key: str) -> list[Any]:
    held = schema.get(key) if isinstance(schema, dict) else None
    return list(held.values()) if isinstance(held, dict) else []


def _target(schema: Any, reference: str) -> Any:
    """Return what a reference within a schema leads to, None where it is of another kind."""
    found = schema
    for part in reference.removeprefix("#").split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found if reference.startswith("#") else None


def _schema_words(wrong: Any) -> tuple[list[str | int], str]:
    if not hasattr(wrong, "instance_path"):
        return [], _UNREADABLE
    path: list[str | int] = list(wrong.instance_path)
    if path and keyword(wrong) == "anyOf" and path[-1] == "type":
        return path, f"a type is one of {', '.join(f'`{name}`' for name in TYPES)}"
    return path, words(wrong)


@lru_cache(maxsize=VALIDATORS_CACHED_MAX)
def _validator(schema: str) -> Any:
    """Compile a schema; raises ValueError when it is none."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(json.loads(schema), offline=True)
