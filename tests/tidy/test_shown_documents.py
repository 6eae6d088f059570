"""Documents that the repository shows are written as `dagnats fmt` does, and fit the schema."""

import re
from typing import Any

import jsonschema_rs
import pytest

from dagnats.cli.main import main
from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.schema import draft_07, workflow_schema
from dagnats.source.document import to_json
from dagnats.source.format import format_text
from dagnats.source.reader import read
from tests.tidy.test_documents import BLOCK, PAGES, ROOT, relative

SHOWN = [*PAGES, *sorted((ROOT / "templates").rglob("*.md"))]
FOLDERS = ("examples", "templates")
WHOLE = re.compile(
    r'^(dagnats|\{?\s*"dagnats"): 1\b|^("name"|name):.*^("steps"|steps):', re.MULTILINE | re.DOTALL
)


def blocks() -> list[tuple[str, str, str]]:
    """Every whole workflow that a page shows: its place, its kind and its text."""
    found = []
    for page in SHOWN:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if WHOLE.search(block[2]):
                line = text.count("\n", 0, block.start()) + 1
                found.append((f"{relative(page)}:{line}", block[1], block[2]))
    return found


BLOCKS = blocks()
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).glob("*/*")
    if path.suffix in {".yaml", ".json"} and path.name != "input.json"
)
EACH = [
    *[(place, f"a.{kind}", text) for place, kind, text in BLOCKS],
    *[(relative(path), path.name, path.read_text(encoding="utf-8")) for path in FILES],
]
VALIDATORS = {
    "2020-12": jsonschema_rs.Draft202012Validator(workflow_schema()),
    "draft-07": jsonschema_rs.Draft7Validator(draft_07(workflow_schema())),
}


def name_of(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) < 60 else ""


def test_there_is_enough_to_look_at() -> None:
    assert len(BLOCKS) >= 15
    assert len(FILES) >= 6


def test_examples_and_templates_are_formatted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = main(["fmt", "--check", *FOLDERS])
    out, err = capsys.readouterr()
    assert (code, out) == (0, "")
    assert err == f"{len(FILES)} files formatted already\n"


@pytest.mark.parametrize(
    ("place", "kind", "text"),
    BLOCKS,
    ids=name_of,
)
def test_documents_in_pages_are_formatted(place: str, kind: str, text: str) -> None:
    formatted = format_text(text, f"a.{kind}")
    assert (formatted.findings, formatted.problem) == ((), None)
    assert formatted.text == text, f"{place} is not as `dagnats fmt` writes it"


@pytest.mark.parametrize("draft", VALIDATORS)
@pytest.mark.parametrize(("place", "name", "text"), EACH, ids=name_of)
def test_shown_documents_fit_the_schema(place: str, name: str, text: str, draft: str) -> None:
    document = read(text, name, Sink())
    assert document is not None, place
    errors = VALIDATORS[draft].iter_errors(to_json(document.root))
    assert [error.message for error in errors] == []
