"""What `docs/graphs.md` shows is what the commands print."""

import os
from pathlib import Path

import pytest

from dagnats.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "graphs.md"
REVIEW = str(ROOT / "examples" / "review-pr" / "workflow.yaml")
CHANGES = (
    ("id: diff", "id: fetch"),
    ("steps.diff", "steps.fetch"),
    ("max_iterations: 10", "max_iterations: 20"),
    ("  type: object\n", "  type: object\n  required: [repo]\n"),
)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_the_page_shows_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = Path(REVIEW).read_text(encoding="utf-8")
    for old, new in CHANGES:
        assert old in text
        text = text.replace(old, new, 1) if old.startswith("  type") else text.replace(old, new)
    (tmp_path / "new.yaml").write_text(text, encoding="utf-8")
    shown = [
        printed(capsys, "graph", REVIEW, "--width", "60"),
        printed(capsys, "graph", REVIEW),
        printed(capsys, "workflow", "diff", REVIEW, str(tmp_path / "new.yaml")),
    ]
    page = PAGE.read_text(encoding="utf-8")
    blocks = page.split("```\n")
    places = [at for at, block in enumerate(blocks) if at % 2]
    chosen = [places[number] for number in (1, 2, 5)]
    if os.environ.get("DAGNATS_BLESS"):
        for at, block in zip(chosen, shown, strict=True):
            blocks[at] = block
        PAGE.write_text("```\n".join(blocks), encoding="utf-8")
    assert [blocks[at] for at in chosen] == shown, "run `make bless`"
