"""`dagnats graph`: a workflow as a drawing. Imports neither network nor typer."""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagnats.cli import output, programs

if TYPE_CHECKING:
    from dagnats.drawing.layout import Direction
    from dagnats.drawing.model import Scope
    from dagnats.ir.program import Program

SUFFIXES = {".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid"}
"""What the name of the file to write says about the format."""


class Asked(NamedTuple):
    """What a command line asks for; None where it leaves a matter open."""

    form: str | None = None
    target: str | None = None
    direction: "Direction | None" = None
    width: int | None = None
    ascii_only: bool = False
    critical: bool = False
    as_json: bool = False


def graph(file: str, asked: Asked) -> int:
    """Draw a document or compiled IR; returns 1 when it does not compile."""
    program = programs.load(file, as_json=asked.as_json)
    if program is None:
        return 1
    show(program, asked)
    return 0


def show(program: "Program", asked: Asked) -> None:
    """Draw a program."""
    from dagnats.drawing.build import draw

    scope = draw(program, critical=asked.critical)
    programs.write(_rendered(scope, asked), asked.target)


def _rendered(scope: "Scope", asked: Asked) -> str:
    if asked.as_json:
        from dagnats.drawing.document import to_document

        return json.dumps(to_document(scope), ensure_ascii=False, indent=2) + "\n"
    form = asked.form or SUFFIXES.get(Path(asked.target or "").suffix.lower(), "text")
    direction = asked.direction or "TB"
    if form == "mermaid":
        from dagnats.drawing.mermaid import render_mermaid

        return render_mermaid(scope, direction)
    if form == "dot":
        from dagnats.drawing.dot import render_dot

        return render_dot(scope, direction)
    if form == "svg":
        from dagnats.drawing.svg import render_svg

        return render_svg(scope, direction)
    return _text(scope, asked)


def _text(scope: "Scope", asked: Asked) -> str:
    """Draw in characters what fits, and list the rest: the way asked for, or else both ways."""
    from dagnats.drawing.text import render_text
    from dagnats.drawing.tree import render_tree

    to_stdout = asked.target in {None, "-"}
    width = asked.width
    if width is None and to_stdout and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
    if width is not None and not asked.ascii_only:
        colour = to_stdout and output.wants_colour(sys.stdout)
        directions: tuple[Direction, ...] = ("TB", "LR")
        for direction in directions if asked.direction is None else (asked.direction,):
            text, columns = render_text(scope, direction, colour=colour)
            if columns <= width:
                return text
    return render_tree(scope, ascii_only=asked.ascii_only)
