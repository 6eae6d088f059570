"""How wide a text is on a terminal, and how it is shown on one line."""

import unicodedata


def columns_of(char: str) -> int:
    """Return how many columns a character takes."""
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def width_of(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def shown(text: str) -> str:
    """Return a text without what a terminal would obey instead of show."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "�" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char
        for char in text
    )
