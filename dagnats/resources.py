"""Finds what is shipped beside the code: `grammar/`, `schemas/`, `examples/`, `templates/`.

Inside the package in a wheel, beside it in a checkout.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def path(*parts: str) -> Path:
    """Return the path of a shipped file or folder.

    Raises FileNotFoundError, naming both places, when neither exists.
    """
    inside = _PACKAGE.joinpath(*parts)
    beside = _PACKAGE.parent.joinpath(*parts)
    if inside.exists():
        return inside
    if beside.exists():
        return beside
    raise FileNotFoundError(f"neither {inside} nor {beside} exists")


def read_text(*parts: str) -> str:
    """Return the text of a shipped file."""
    return path(*parts).read_text(encoding="utf-8")
