"""`dagnats init`: a small project that runs, made from one of the shipped templates."""

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from dagnats import resources
from dagnats.cli import output
from dagnats.cli.schema import DRAFTS, FILES, schema_of, text_of
from dagnats.errors import UsageError

FOLDER = "templates"
SCHEMA = FILES["workflow"]
NAME = "my-workflow"
"""What the templates call the workflow."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_PLAIN_STRING = re.compile(r"(?i)[-0-9].*|true|false|null|yes|no|on|off|y|n")
"""Names that YAML, or another reader of it, takes for something else without quotes."""

OWN = ("workflow.yaml", "worker.py", "input.json")
SHARED = {"README.md": "readme.md", ".gitignore": "gitignore", "dagnats.toml": "dagnats.toml"}
KEPT = ("README.md", ".gitignore")
"""Files that a folder may have already: they stay as they are."""


class Asked(NamedTuple):
    """What the command line asks for; `name` None is the name of the folder."""

    directory: Path
    template: str = "hello"
    name: str | None = None
    force: bool = False
    as_json: bool = False


def templates() -> dict[str, str]:
    """Return what can be started from, and what each is."""
    found: dict[str, str] = json.loads(resources.read_text(FOLDER, "templates.json"))
    return found


def show_templates(*, as_json: bool) -> int:
    """Print the templates."""
    rows = list(templates().items())
    if as_json:
        output.result_json([{"name": name, "description": text} for name, text in rows])
    else:
        output.result(output.table(("TEMPLATE", "WHAT IT IS"), rows))
    return 0


def create(asked: Asked) -> int:
    """Write a project that overwrites nothing, and say what is next. Raises UsageError."""
    name = _name(asked)
    files = _files(asked.template, name)
    there = [file for file in files if (asked.directory / file).exists()]
    kept = [] if asked.force else [file for file in there if file in KEPT]
    refused = [] if asked.force else [file for file in there if file not in KEPT]
    if refused:
        listed = ", ".join(f"`{asked.directory / file}`" for file in refused)
        raise UsageError(f"not overwritten: {listed}; choose another folder, or use `--force`")
    written = [file for file in files if file not in kept]
    _write(asked.directory, {file: files[file] for file in written})
    if asked.as_json:
        document = {"directory": str(asked.directory), "template": asked.template, "name": name}
        output.result_json(document | {"files": written, "kept": kept})
        return 0
    for file in written:
        output.result(f"created {asked.directory / file}")
    for file in kept:
        output.say(f"kept {asked.directory / file}")
    _say_what_next(asked.directory, name)
    return 0


def _name(asked: Asked) -> str:
    if asked.name is not None:
        if NAME_PATTERN.fullmatch(asked.name):
            return asked.name
        raise UsageError(f"`{asked.name}` is no name: use letters, digits, `_` and `-`, at most 64")
    folder = re.sub(r"[^A-Za-z0-9_-]+", "-", asked.directory.absolute().resolve().name)
    return folder.strip("-")[:64] or NAME


def _files(template: str, name: str) -> dict[str, str]:
    """Return the text of each file of a new project."""
    known = templates()
    if template not in known:
        listed = ", ".join(f"`{each}`" for each in known)
        raise UsageError(f"there is no template `{template}`; there are {listed}")
    files = {file: resources.read_text(FOLDER, template, file) for file in OWN}
    files |= {file: resources.read_text(FOLDER, source) for file, source in SHARED.items()}
    named = {file: text.replace(NAME, name) for file, text in files.items()}
    if _NO_PLAIN_STRING.fullmatch(name):
        named[OWN[0]] = named[OWN[0]].replace(f"\nname: {name}\n", f'\nname: "{name}"\n')
    return named | {SCHEMA: text_of(schema_of("workflow", DRAFTS[0]))}


def _write(directory: Path, files: dict[str, str]) -> None:
    made: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            path = directory / file
            is_new = not path.exists()
            path.write_text(text, encoding="utf-8")
            made += [path] if is_new else []
    except OSError as wrong:
        for path in made:
            path.unlink(missing_ok=True)
        where = wrong.filename or directory
        raise UsageError(f"cannot write `{where}`: {wrong.strerror or wrong}") from wrong


def _say_what_next(directory: Path, name: str) -> None:
    enter = [] if directory == Path() else [f"cd {shlex.quote(str(directory))}"]
    lines = [
        *enter,
        "dagnats lint .",
        "dagnats serve                       # leave it running, and in a second terminal:",
        "dagnats worker run worker.py        # leave it running, and in a third one:",
        "dagnats workflow register workflow.yaml",
        f"dagnats run start {name} --input @input.json --watch",
    ]
    output.say("\nNext:\n" + "\n".join(f"  {line}" for line in lines))
