"""What the documentation shows is true: documents compile, links lead somewhere, codes exist."""

import os
import re
from pathlib import Path

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.catalog import CATALOG, Entry

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
EXAMPLES = sorted([*ROOT.glob("examples/*/workflow.yaml"), *ROOT.glob("examples/*/*.json")])
BLOCK = re.compile(r"^```(yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)[^)]*\)")
CODE = re.compile(r"\bDN\d{4}\b")
BANDS = {
    "1": "DN1: text and YAML",
    "2": "DN2: shape",
    "3": "DN3: names and graph",
    "4": "DN4: expressions",
    "5": "DN5: types and data flow",
    "6": "DN6: bounds",
    "7": "DN7: liveness and reliability",
    "8": "DN8: security",
    "9": "DN9: style and deprecation",
}
INTRODUCTION = """# Diagnostics

Everything that `dagnats lint` can say, by code. Codes are never reused. This page is made from the
catalogue in the code; `make bless` writes it.

`dagnats lint --json` prints one document; lines and columns count from 1 in code points, offsets
from 0, and a range excludes its end:

```
{"version": 1, "files": 1, "summary": {"errors": 1, "warnings": 0, "infos": 0}, "diagnostics": [
  {"code": "DN3002", "severity": "error", "message": "…", "file": "hello.yaml",
   "range": {"start": {"line": 7, "column": 18, "offset": 93},
             "end": {"line": 7, "column": 22, "offset": 97}},
   "labels": [{"range": {…}, "message": "…"}], "help": "…",
   "fixes": [{"title": "…", "applicability": "safe", "edits": [{"range": {…}, "text": "…"}]}],
   "url": "…"}]}
```

A finding about an imported file has its name in `file`; a label that stands in another file than
its finding has that one's, as `file` too."""


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks() -> list[tuple[str, str]]:
    """Every whole workflow that a page shows."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if re.search(r'^dagnats: 1$|"dagnats": 1', block[2], re.MULTILINE):
                line = text.count("\n", 0, block.start()) + 1
                found.append((f"{relative(page)}:{line}", block[2]))
    return found


@pytest.mark.parametrize(("place", "text"), blocks(), ids=lambda value: str(value)[:60])
def test_shown_workflows_compile(place: str, text: str) -> None:
    compiled = compile_workflow(text, place)
    assert compiled.program is not None, compiled.diagnostics


@pytest.mark.parametrize("path", [p for p in EXAMPLES if p.name != "input.json"], ids=relative)
def test_examples_compile_without_a_finding(path: Path) -> None:
    compiled = compile_workflow(path.read_text(encoding="utf-8"), relative(path))
    assert compiled.program is not None
    assert not compiled.diagnostics


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_every_code_that_is_spoken_of_exists() -> None:
    sources = [*PAGES, *(ROOT / "dagnats").rglob("*.py")]
    spoken = {code for p in sources for code in CODE.findall(p.read_text(encoding="utf-8"))}
    assert not spoken - set(CATALOG)


def page_of(catalogue: dict[str, Entry]) -> str:
    """The page of diagnostics, from the catalogue."""
    parts = [INTRODUCTION]
    for code, entry in sorted(catalogue.items()):
        if f"## {BANDS[code[2]]}" not in parts:
            parts.append(f"## {BANDS[code[2]]}")
        parts.append(f"### {code} {entry.name}\n\n{entry.title} ({entry.severity})")
        parts.append(entry.explanation.strip())
        if entry.before:
            parts.append(f"Before:\n\n```\n{entry.before.strip()}\n```")
        parts += [f"Registered:\n\n```\n{other.strip()}\n```" for other in entry.registered]
        parts.append(f"Refused or reported:\n\n```\n{entry.bad.strip()}\n```")
        parts.append(f"Instead:\n\n```\n{entry.good.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def test_the_page_of_diagnostics_is_the_catalogue() -> None:
    page = ROOT / "docs" / "diagnostics.md"
    if os.environ.get("DAGNATS_BLESS"):
        page.write_text(page_of(CATALOG), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == page_of(CATALOG), "run `make bless`"
