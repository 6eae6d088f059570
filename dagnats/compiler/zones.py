"""Time zones: each name is one of the IANA's, as the package `tzdata` lists them.

timezone: Europe/Berln      →  DN2021 there is no time zone `Europe/Berln`, did you mean …?

The list is that of the package, not of the machine: a document means the same everywhere.
"""

import difflib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Sink, Span
from dagnats.lang.tree import Sleep, Workflow
from dagnats.lang.walk import all_steps

CLOSE: Final = 0.75
"""How alike two names are that are taken for one, one of them misspelt; 1 is the same."""
CHARS_MAX: Final = 64
"""A longer name is no misspelt one."""
GUESSES_MAX: Final = 20
"""Different names of one document for which the likest is looked for among all."""

_NONE: Final = frozenset({"Factory"})
"""Listed, and means that a machine has no zone."""


def check_zones(workflow: Workflow, sink: Sink) -> None:
    """Report DN2021 for the names of time zones that do not exist."""
    guesses: dict[str, str | None] = {}
    for name, span in _written(workflow):
        if names().get(name.casefold()) == name:
            continue
        if name not in guesses:
            guesses[name] = meant(name, is_likest_wanted=len(guesses) < GUESSES_MAX)
        sink.add(_unknown(name, span, guesses[name]))


def _written(workflow: Workflow) -> Iterator[tuple[str, Span]]:
    """Yield each time zone that a document names, and where."""
    for step in all_steps(workflow):
        config = step.config
        if isinstance(config, Sleep) and config.timezone:
            yield config.timezone, config.place("timezone")
    for trigger in workflow.triggers:
        cron = trigger.cron
        if cron is not None and cron.timezone:
            yield cron.timezone, cron.place("timezone")


def _unknown(name: str, span: Span, close: str | None) -> Diagnostic:
    message = f"there is no time zone `{name}`"
    if close is None:
        help_ = "write a name of IANA, as `Europe/Berlin`"
        return Diagnostic("DN2021", message, span, help=help_)
    # As it stands, or with quotes around; what is written in any other way is left to its author.
    written = {0: close, 2: f'"{close}"'}.get(span.end.offset - span.start.offset - len(name))
    fixes = (Fix(f"write `{close}`", (Edit(span, written),)),) if written else ()
    return Diagnostic("DN2021", message, span, help=f"did you mean `{close}`?", fixes=fixes)


@lru_cache(maxsize=1)
def names() -> Mapping[str, str]:
    """Return the names of all time zones, by the same in small letters."""
    import tzdata  # which few documents need

    text = Path(tzdata.__file__).with_name("zones").read_text(encoding="utf-8")
    return {name.casefold(): name for name in text.split() if name not in _NONE}


@lru_cache(maxsize=1)
def _by_city() -> Mapping[str, tuple[str, ...]]:
    """Return the names by their last words, in small letters."""
    found: dict[str, tuple[str, ...]] = {}
    for small, name in names().items():
        city = small.rpartition("/")[2]
        found[city] = (*found.get(city, ()), name)
    return found


def meant(name: str, *, is_likest_wanted: bool = True) -> str | None:
    """Return the time zone that was probably meant: in other letters, by its city, or misspelt.

    Abbreviations and offsets have none: `CEST` is no `EST`, and `Etc/GMT+2` is two hours behind.
    """
    small = "_".join(name.casefold().split())
    if small in names():
        return names()[small]
    if len(name) > CHARS_MAX or any(letter.isdigit() for letter in name):
        return None
    of_city = _by_city().get(small.rpartition("/")[2], ())
    if len(of_city) == 1:
        return of_city[0]
    if not is_likest_wanted or "/" not in name:
        return None
    close = difflib.get_close_matches(small, list(names()), 1, CLOSE)
    return names()[close[0]] if close else None
