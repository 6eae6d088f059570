"""The worker of `report`: looks at real files. Every task is a pure function of what it reads."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from dagnats import NonRetryable, task

FILES_MAX = 5_000
BYTES_PER_FILE_MAX = 1_000_000
TOP = 5
WORD = re.compile(r"[a-z]{4,}")
TEST = re.compile(r"^\s*(?:async )?def test_", re.MULTILINE)
IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
LEFT_OUT = {"build", "dist", "node_modules", "__pycache__"}
LANGUAGES = {
    ".css": "CSS",
    ".go": "Go",
    ".html": "HTML",
    ".js": "JavaScript",
    ".json": "JSON",
    ".lark": "Lark",
    ".md": "Markdown",
    ".py": "Python",
    ".sh": "Shell",
    ".toml": "TOML",
    ".ts": "TypeScript",
    ".yaml": "YAML",
    ".yml": "YAML",
}


class Scan(TypedDict):
    """Where to look; empty: the repository, or package, that holds this example."""

    root: NotRequired[str]


class Selection(TypedDict):
    """Files under a root, as relative paths."""

    root: str
    files: list[str]
    top: NotRequired[int]


class Section(TypedDict):
    """One table of the report."""

    title: str
    headings: list[str]
    rows: list[list[Any]]


class Report(TypedDict):
    """What the report is rendered from."""

    root: str
    files: int
    sections: list[Section]


@task("report.scan")
def scan(wanted: Scan) -> dict[str, Any]:
    """List the text files under a folder, hidden and generated ones left out, sorted."""
    given = wanted.get("root")
    root = Path(given).resolve() if given else Path(__file__).resolve().parents[2]
    if not root.is_dir():
        raise NonRetryable(f"`{root}` is not a folder")
    return {"root": str(root), "files": sorted(_sources(root))[:FILES_MAX]}


def _sources(root: Path) -> Iterator[str]:
    """Yield the text files below a folder as relative paths; does not enter what is left out."""
    for folder, below, files in os.walk(root):
        below[:] = [name for name in below if name[0] != "." and name not in LEFT_OUT]
        for name in files:
            if name[0] != "." and Path(name).suffix in LANGUAGES:
                yield Path(folder, name).relative_to(root).as_posix()


def _text(root: str, file: str) -> str:
    with Path(root, file).open("rb") as opened:
        return opened.read(BYTES_PER_FILE_MAX).decode("utf-8", errors="replace")


@task("report.lines")
def lines(selected: Selection) -> Section:
    """Count files and lines by language."""
    files: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for file in selected["files"]:
        language = LANGUAGES.get(Path(file).suffix, "other")
        files[language] += 1
        counts[language] += _text(selected["root"], file).count("\n")
    rows = [[language, files[language], count] for language, count in counts.most_common()]
    return {"title": "Languages", "headings": ["language", "files", "lines"], "rows": rows}


@task("report.largest")
def largest(selected: Selection) -> Section:
    """Find the largest files."""
    sizes = [(Path(selected["root"], file).stat().st_size, file) for file in selected["files"]]
    sizes.sort(key=lambda sized: (-sized[0], sized[1]))
    rows: list[list[Any]] = [[file, size] for size, file in sizes[: selected.get("top", TOP)]]
    return {"title": "Largest files", "headings": ["file", "bytes"], "rows": rows}


@task("report.words")
def words(selected: Selection) -> Section:
    """Count the words of the documentation."""
    counts: Counter[str] = Counter()
    for file in selected["files"]:
        counts.update(WORD.findall(_text(selected["root"], file).lower()))
    return _ranking("Words of the documentation", "word", counts, selected)


@task("report.tests")
def tests(selected: Selection) -> Section:
    """Count the test functions in each folder."""
    counts: Counter[str] = Counter()
    for file in selected["files"]:
        if Path(file).name.startswith("test_"):
            counts[Path(file).parent.as_posix()] += len(TEST.findall(_text(selected["root"], file)))
    return _ranking("Tests", "folder", counts, selected)


@task("report.imports")
def imports(selected: Selection) -> Section:
    """Count what the Python files import."""
    counts: Counter[str] = Counter()
    for file in selected["files"]:
        counts.update(set(IMPORT.findall(_text(selected["root"], file))))
    return _ranking("Imports", "module", counts, selected)


def _ranking(title: str, what: str, counts: Counter[str], selected: Selection) -> Section:
    """Return the most frequent entries as a table; ties in alphabetical order."""
    ranked = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))
    rows: list[list[Any]] = [[name, count] for name, count in ranked[: selected.get("top", TOP)]]
    return {"title": title, "headings": [what, "count"], "rows": rows}


@task("report.render")
def render(report: Report) -> str:
    """Join the sections into one page of Markdown."""
    name = Path(report["root"]).name
    parts = [f"# {name}: {report['files']} files"]
    parts += [_table(section) for section in report["sections"]]
    return "\n\n".join(parts) + "\n"


def _table(section: Section) -> str:
    if not section["rows"]:
        return f"## {section['title']}\n\nNone."
    lines_of = [section["headings"], ["---"] * len(section["headings"]), *section["rows"]]
    body = "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines_of)
    return f"## {section['title']}\n\n{body}"
