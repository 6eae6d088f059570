"""`dagnats workflow diff`: what differs between two workflows, and whether callers notice."""

import sys
from typing import TYPE_CHECKING

from dagnats.cli import output, programs
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.ir.program import Program
    from dagnats.jetstream.client import Client

_COLOURS = {
    "added": output.GREEN,
    "removed": output.RED,
    "changed": output.YELLOW,
    "title": output.BOLD,
    "quiet": output.DIM,
    "bad": output.RED,
    "good": output.GREEN,
}


def needs_server(old: str, new: str | None) -> bool:
    """Whether one of the two is a registered workflow. Raises UsageError for one name alone."""
    if new is None and not programs.is_file(old):
        raise UsageError(
            f"`{old}` is a name: say what to compare it with\n"
            f"  help: `dagnats workflow diff {old} FILE`, or `diff FILE` alone for a document "
            "and its registered version"
        )
    return new is None or not (programs.is_file(old) and programs.is_file(new))


def offline(old: str, new: str, *, as_json: bool, exit_code: bool) -> int:
    """Compare two files; returns 1 when one does not compile."""
    first = programs.load(old)
    second = programs.load(new)
    if first is None or second is None:
        return 1
    return tell(first, second, as_json=as_json, exit_code=exit_code)


async def online(
    client: "Client", old: str, new: str | None, *, as_json: bool, exit_code: bool
) -> int:
    """Compare what is registered with a file, or a file with what is registered by its name."""
    if new is None:
        second = programs.load(old)
        if second is None:
            return 1
        first = await registered(client, second.name)
    else:
        found = [await _either(client, word) for word in (old, new)]
        if found[0] is None or found[1] is None:
            return 1
        first, second = found[0], found[1]
    return tell(first, second, as_json=as_json, exit_code=exit_code)


async def _either(client: "Client", word: str) -> "Program | None":
    if programs.is_file(word):
        return programs.load(word)
    return await registered(client, word)


async def registered(client: "Client", name: str) -> "Program":
    """Return a registered program, by its name or digest; RefusedError when there is none."""
    return programs.of_answer(await client.call("workflow.show", {"name": name}))


def tell(old: "Program", new: "Program", *, as_json: bool, exit_code: bool) -> int:
    """Print what differs; with `exit_code`, returns 1 when something does."""
    from dagnats.comparison.compare import compare
    from dagnats.comparison.document import to_document
    from dagnats.comparison.report import render

    comparison = compare(old, new)
    if as_json:
        output.result_json(to_document(comparison))
    else:
        output.result(render(comparison, _paint).rstrip("\n"))
    return int(exit_code and not comparison.is_identical)


def _paint(text: str, meaning: str) -> str:
    return output.paint(text, _COLOURS[meaning], sys.stdout)
