"""Whether a value fits its JSON Schema, and a JSON Schema is one.

The only module that knows jsonschema_rs, which costs 40 ms to import and is imported when first
needed: documents themselves are checked by `lang.shape`. The library's texts reach no author:
`complaints` words each kind of error. Nothing is ever
fetched: a reference to another document is an error of the schema that holds it.
"""

import json
from functools import lru_cache
from typing import Any

from dagnats.source.complaints import dotted, keyword, words

COMPLAINTS_MAX = 20
"""Complaints about one value; more would not help."""

_UNREADABLE = "is nested too deeply, or holds half of a surrogate pair"
VALIDATORS_CACHED_MAX = 256
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


def check_value(schema: Any, value: Any) -> list[str]:
    """Return what is wrong with a value, as `at $.a.b: …`; nothing if it fits its JSON Schema.

    At most `COMPLAINTS_MAX` complaints. The schema must have passed `check_schema`.
    """
    complaints: list[str] = []
    validator = _validator(json.dumps(schema))
    try:
        errors = validator.iter_errors(value)
    except ValueError:  # the library follows so many levels and no more
        return [f"at $: {_UNREADABLE}"]
    for error in errors:
        if len(complaints) == COMPLAINTS_MAX:
            complaints.append("and more")
            break
        complaints.append(f"at {dotted(error.instance_path)}: {words(error)}")
    return complaints


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
    try:
        _validator(json.dumps(schema))
    except ValueError as wrong:
        return _schema_words(wrong)
    except RecursionError:
        return [], _UNREADABLE
    return None


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
