"""`dagnats bounds`: the certificate of a workflow, for people and programs.

Imports neither network nor typer. The exit code is 1 when the document does not compile, and when
a bound is higher than that of what it is held against.
"""

import contextlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dagnats.cli import offline, output, programs
from dagnats.cli.documents import read
from dagnats.timespec import format_duration

if TYPE_CHECKING:
    from dagnats.ir.program import Bound, Certificate, Program

_SIZE: Final = re.compile(r"[A-Za-z0-9_-]+\.(?:max_[a-z]+)")
_SIGNS: Final = re.compile(r"( [+-] )")
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 1_440 * _MINUTE_MS

Show = Callable[[int], str]


def _count(number: int) -> str:
    return f"{number:,}"


def _bytes(number: int, digits: int = 1) -> str:
    """Return a number of bytes as `19.1 MB`."""
    size, unit = float(number), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.{digits if unit else 0}f} {_UNITS[unit]}"


def _bytes_of_term(number: int) -> str:
    return _bytes(number, 2)


def _time(number: int) -> str:
    """Return a time as `5d 26m`; what is longer than a day is not told to the second."""
    if number < _DAY_MS:
        return format_duration(number)
    hours, minutes = divmod(-(-number // _MINUTE_MS), 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days:,}d", f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""]
    return " ".join(part for part in parts if part)


class Row(NamedTuple):
    """How a bound is called, and how its numbers are shown, alone and in a formula."""

    name: str
    title: str
    show: Show = _count
    show_term: Show = _count


ROWS: Final = (
    Row("attempts", "attempts"),
    Row("events", "history events"),
    Row("bytes", "history size", _bytes, _bytes_of_term),
    Row("concurrent_steps", "steps at once"),
    Row("timers", "open timers"),
    Row("duration_ms", "wall-clock time", _time, _time),
    Row("expression_cost", "expression cost"),
    Row("tokens", "tokens"),
    Row("usd", "money (USD)"),
)


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line asks for, or None when typer has to judge it."""
    match words:
        case [file] if not file.startswith("-"):
            return lambda: bounds(file, None, as_json=False)
        case [file, "--json"] if not file.startswith("-"):
            return lambda: bounds(file, None, as_json=True)
        case _:
            return None


def bounds(file: str, against: "Program | None", *, as_json: bool) -> int:
    """Print what a run takes at the worst; held `against` another program, also what grew."""
    name, program = _program(file, against, as_json=as_json)
    if program is None:
        return 1
    old = None if against is None else against.certificate
    grown = [] if old is None else _grown(program.certificate, old)
    if as_json:
        output.result_json(to_document(program, old, grown))
    else:
        output.result(render(program, name, old))
    return int(bool(grown))


def _program(
    file: str, against: "Program | None", *, as_json: bool
) -> "tuple[str, Program | None]":
    """Return a program and what to call its file; None with the findings told, on stderr."""
    if against is None:
        return file, programs.load(file, as_json=as_json)
    opened = read(file)
    if opened.refused or programs.is_ir(opened.text):
        return file, programs.load(file, as_json=as_json)
    compiled = offline.compiled_of(opened, against=against.certificate)
    with contextlib.redirect_stdout(sys.stderr):
        offline.show(compiled, opened.text, opened.name, concise=False)
    return opened.name, compiled.program


def _grown(new: "Certificate", old: "Certificate") -> list[str]:
    from dagnats.compiler.certificates import has_grown

    return [row.name for row in ROWS if has_grown(getattr(new, row.name), getattr(old, row.name))]


def to_document(
    program: "Program", old: "Certificate | None" = None, grown: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the certificate as JSON: each bound, where its step stands, and what sizes are."""
    found: dict[str, Any] = {"workflow": program.name}
    for row in ROWS:
        bound: Bound = getattr(program.certificate, row.name)
        found[row.name] = {
            "max": bound.max,
            "symbolic": bound.symbolic,
            "dominant_step": bound.dominant_step,
        }
        line, column = _place(program, bound) or (None, None)
        if line is not None:
            found[row.name] |= {"line": line, "column": column}
    found["sizes"] = sizes(program)
    from dagnats.compiler.certificates import generations, in_all

    if generations(program) > 1:
        found["generations"] = {"max": generations(program), "in_all": in_all(program)}
    if old is not None:
        found["against"] = {row.name: getattr(old, row.name).max for row in ROWS}
        found["grown"] = list(grown)
    return found


def sizes(program: "Program") -> dict[str, int]:
    """Return the sizes that the formulas of a certificate name, as the program has them."""
    named: dict[str, None] = {}
    for row in ROWS:
        for size in _SIZE.findall(getattr(program.certificate, row.name).symbolic):
            named.setdefault(size)
    known: dict[str, int] = {}
    for node in program.nodes:
        for key in ("max_iterations", "max_items", "max_concurrency", "max_steps"):
            value = getattr(node, key, None)
            if isinstance(value, int):
                known[f"{node.id}.{key}"] = value
    return {size: known[size] for size in named if size in known}


def render(program: "Program", file: str, old: "Certificate | None" = None) -> str:
    """Return the certificate as a page."""
    from dagnats.compiler.certificates import generations, in_all

    certificate, times = program.certificate, generations(program)
    titles = ["", "AT MOST", *(["BEFORE"] if old else []), "MOSTLY", "FORMULA"]
    whole = in_all(program)
    if times > 1:
        titles.insert(2, f"IN ALL {times:,}")
    rows = []
    for row in ROWS:
        bound: Bound = getattr(certificate, row.name)
        cells = [row.title, _told(bound.max, row.show)]
        if times > 1:
            cells.append(_told(whole[row.name], row.show))
        if old is not None:
            cells.append(_told(getattr(old, row.name).max, row.show))
        rows.append([*cells, _mostly(program, bound, file), _formula(bound, row.show_term)])
    title = output.paint(program.name, output.BOLD, sys.stdout)
    each = f"each of up to {times:,} generations of a run" if times > 1 else "a run"
    parts = [f"{title}: what {each} can take at the worst", output.table(titles, rows)]
    if known := sizes(program):
        parts.append(f"where {', '.join(f'{size} = {most:,}' for size, most in known.items())}")
    parts.append(output.paint(_assumed(program), output.DIM, sys.stdout))
    return "\n\n".join(parts)


def _told(number: int | None, show: Show) -> str:
    return "not declared" if number is None else show(number)


def _formula(bound: "Bound", show: Show) -> str:
    """Return a polynomial as it is read: its numbers with units, a coefficient of 1 left out."""
    if bound.max is None or bound.symbolic == str(bound.max):
        return ""
    parts = _SIGNS.split(bound.symbolic)
    return "".join(part if at % 2 else _term(part, show) for at, part in enumerate(parts))


def _term(term: str, show: Show) -> str:
    coefficient, dot, rest = term.partition("·")
    if not dot:
        coefficient, _, rest = term.partition(",")
        if not coefficient.isdigit():
            return term
        return show(int(coefficient)) + (f",{rest}" if rest else "")
    return f"{rest}" if coefficient == "1" else f"{show(int(coefficient))}·{rest}"


def _mostly(program: "Program", bound: "Bound", file: str) -> str:
    """Return the step that dominates, and where it stands."""
    if bound.dominant_step is None or not bound.max:
        return ""
    place = _place(program, bound)
    where = "" if place is None else f"  {file}:{place[0]}"
    return f"{bound.dominant_step}{where}"


def _place(program: "Program", bound: "Bound") -> tuple[int, int] | None:
    if bound.dominant_step is None or program.source_map is None:
        return None
    return program.source_map.get(bound.dominant_step)


def _assumed(program: "Program") -> str:
    from dagnats.ir.program import TaskNode

    lost = max((n.max_deliveries for n in program.nodes if isinstance(n, TaskNode)), default=0)
    said = "Proven when it is compiled, and held at every step of every run."
    if lost > 1:
        said += (
            "\nAt the worst every attempt that may fail does, after "
            f"{lost - 1} workers vanished with it;\n"
            "all time limits are used up, and all payloads are as large as they may be."
        )
    return said
