"""Clean documents that stand in the pages of the documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```(?:yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documented(root: Path) -> Iterator[tuple[str, str]]:
    """Yield whole workflows of the pages, by page and number."""
    for page in sorted((root / "docs").rglob("*.md")):
        for number, found in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            text = found[1]
            if "\nimports:" in text:
                continue  # what it imports is not there
            if re.search(r'^"?name|^\{?\s*"name"', text, re.MULTILINE) and re.search(
                r'^\s*"?steps"?:', text, re.MULTILINE
            ):
                yield f"{page.relative_to(root).as_posix()} {number}", text
