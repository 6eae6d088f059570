"""What a run waits for, in words."""

from typing import Any

from dagnats.cli import progress

Cause = dict[str, Any]

TITLES = ("STEP", "WAITS FOR", "SINCE", "UNTIL", "WHO")


def row(cause: Cause) -> tuple[str, ...]:
    """Return a cause as a row under `TITLES`."""
    keys = ("step", "what", "since", "until")
    return (*(str(cause.get(key) or "-") for key in keys), _who(cause) or "-")


def sentence(cause: Cause) -> str:
    """Return a cause as one line."""
    step = f"step `{cause['step']}`" if cause.get("step") else "the run"
    until = f", until {cause['until']}" if cause.get("until") else ""
    who = _who(cause)
    besides = f" · {who}" if who and who not in cause["what"] else ""
    return f"{step} waits for {cause['what']}{until}{besides}"


def _who(cause: Cause) -> str:
    """Return who, or what command, can let it go on."""
    named = cause.get("who")
    return ", ".join(map(str, named)) if isinstance(named, list) else str(named or "")


def explained(error: Any) -> str:
    """Return an error as the end of a sentence; empty when there is none."""
    return f": {progress.explain(error)}" if error else ""
