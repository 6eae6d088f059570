"""`dagnats schema`: the JSON Schemas of what dagnats reads and writes, for editors and validators.

Imports neither network nor typer; what a server knows comes from `registry`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dagnats.cli import output
from dagnats.errors import UsageError

DRAFTS = ("2020-12", "7")
FILES = {
    "workflow": "workflow.schema.json",
    "library": "library.schema.json",
    "ir": "ir.schema.json",
}
"""What a file of each schema is called by us."""


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line asks for, or None when typer has to judge it."""
    names: list[str] = []
    target, draft, rest = None, DRAFTS[0], iter(words)
    for word in rest:
        match word:
            case "-o":
                target = next(rest, "")
            case "--draft":
                draft = next(rest, "")
            case _:
                names.append(word)
    name = names[0] if names else "workflow"
    is_plain = len(names) <= 1 and name in FILES and draft in DRAFTS
    if not is_plain or target == "" or (target or "").startswith("-"):
        return None
    return lambda: write(schema_of(name, draft), target)


def schema_of(name: str, draft: str) -> Any:
    """Return a schema of ours in a draft of JSON Schema."""
    from dagnats import resources
    from dagnats.lang.schema import draft_07, library_schema, workflow_schema

    match name:
        case "workflow":
            found: Any = workflow_schema()
        case "library":
            found = library_schema()
        case _:
            found = json.loads(resources.read_text("schemas", FILES["ir"]))
    return found if draft == DRAFTS[0] else draft_07(found)


def registered(programs: list[dict[str, Any]], draft: str) -> Any:
    """Return the schema of workflows that knows these programs, in a draft of JSON Schema."""
    from dagnats.lang.registered import known, specialised
    from dagnats.lang.schema import draft_07, workflow_schema

    schema = specialised(workflow_schema(), known(programs))
    return schema if draft == DRAFTS[0] else draft_07(schema)


def write(schema: Any, target: str | None, *, as_json: bool = False) -> int:
    """Print a schema, or write it to a file and say so. Raises UsageError."""
    text = text_of(schema)
    if target is None or target == "-":
        output.result(text.rstrip("\n"))
        return 0
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise UsageError(f"cannot write `{target}`: {wrong.strerror or wrong}") from wrong
    if as_json:
        output.result_json({"file": target, "title": schema.get("title")})
    else:
        output.say(f"wrote {target}")
    return 0


def text_of(schema: Any) -> str:
    """Return a schema as the text of a file."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
