"""What commands print: results on stdout, everything else on stderr, colour only where wanted."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
STATUS_COLOURS = {
    "completed": GREEN,
    "failed": RED,
    "lost": RED,
    "cancelled": YELLOW,
    "skipped": DIM,
    "queued": DIM,
    "pending": DIM,
    "running": CYAN,
    "started": CYAN,
    "waiting": YELLOW,
    "paused": YELLOW,
    "exhausted": YELLOW,
    "failing": RED,
    "undoing": YELLOW,
    "approved": GREEN,
    "refused": RED,
}


def result(text: str) -> None:
    """Print a result."""
    print(text)


def result_now(text: str) -> None:
    """Print one line of results that come one by one, at once."""
    print(text, flush=True)


def result_json(document: Any) -> None:
    """Print a result as one readable JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def result_line(document: Any) -> None:
    """Print one line of a stream of JSON documents, at once."""
    print(json.dumps(document, ensure_ascii=False, separators=(",", ":")), flush=True)


def result_value(value: Any) -> None:
    """Print what a run gave: a string as it is, anything else as JSON."""
    if isinstance(value, str):
        result(value)
    else:
        result_json(value)


def say(text: str) -> None:
    """Tell a person something that is not the result."""
    print(text, file=sys.stderr, flush=True)


def complain(text: str) -> None:
    """Tell a person what went wrong."""
    say(f"{paint('error:', RED, sys.stderr)} {text}")


def wants_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that takes colour; `NO_COLOR` wins over `FORCE_COLOR`."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Return `text` coloured when `stream` takes colour."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text and wants_colour(stream) else text


def paint_status(status: str, stream: TextIO, width: int = 0) -> str:
    """Return a status padded to `width` and coloured by what it means."""
    return paint(status.ljust(width), STATUS_COLOURS.get(status, BOLD), stream)


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under titles, columns aligned, no trailing blanks."""
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    head = "  ".join(title.ljust(width) for title, width in zip(titles, widths, strict=True))
    return "\n".join([paint(head.rstrip(), BOLD, sys.stdout), *lines])
