"""How a text is written in quotes, for those who advise to."""

import json


def quoted(text: str) -> str:
    """Return a text in quotes: double ones, or single ones where those need no escape."""
    written = json.dumps(text, ensure_ascii=False)
    plain = "'" not in text and "\n" not in text and "\t" not in text
    return f"'{text}'" if len(written) != len(text) + 2 and plain else written
