"""The handlers of the examples do real work on real files and a real history."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def worker(example: str) -> ModuleType:
    """Import an example's worker under a name of its own."""
    path = ROOT / "examples" / example / "worker.py"
    spec = importlib.util.spec_from_file_location(f"example_{example.replace('-', '_')}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


report = pytest.fixture(scope="module")(lambda: worker("report"))
review = pytest.fixture(scope="module")(lambda: worker("review-pr"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "build").mkdir()
    (tmp_path / "a.py").write_text("import json\n\n\ndef f():\n    pass\n")
    (tmp_path / "test_a.py").write_text("import json\nimport a\ndef test_x(): pass\n")
    (tmp_path / "README.md").write_text("apple apple pears\n")
    (tmp_path / "build" / "left_out.py").write_text("x\n")
    return tmp_path


def test_the_scan_finds_sources_only(report: ModuleType, folder: Path) -> None:
    found = report.scan({"root": str(folder)})
    assert found == {"root": str(folder), "files": ["README.md", "a.py", "test_a.py"]}


def test_without_a_root_it_looks_at_what_holds_the_example(report: ModuleType) -> None:
    assert "examples/report/worker.py" in report.scan({})["files"]


@pytest.mark.parametrize(
    ("section", "rows"),
    [
        ("lines", [["Python", 2, 8], ["Markdown", 1, 1]]),
        ("words", [["import", 3], ["apple", 2]]),
        ("tests", [[".", 1]]),
        ("imports", [["json", 2], ["a", 1]]),
    ],
)
def test_sections(report: ModuleType, folder: Path, section: str, rows: list[Any]) -> None:
    selected = report.scan({"root": str(folder)}) | {"top": 2}
    assert getattr(report, section)(selected)["rows"] == rows


def test_the_report_is_markdown(report: ModuleType, folder: Path) -> None:
    selected = report.scan({"root": str(folder)})
    sections = [report.lines(selected), report.largest(selected)]
    page = report.render({"root": str(folder), "files": 3, "sections": sections})
    assert page.startswith(
        f"# {folder.name}: 3 files\n\n## Languages\n\n| language | files | lines |"
    )
    assert "| Python | 2 | 8 |" in page


def test_a_diff_is_read_line_by_line(review: ModuleType) -> None:
    files = review.parse(review.FIXTURE.read_text(encoding="utf-8"))
    assert [file["path"] for file in files] == ["payments/client.py", "README.md"]
    assert [line["line"] for line in files[0]["added"]] == [4, 5, 23, 24, 25, 26, 27, 28]


class Context:
    """What the reviewer asks of its context."""

    def __init__(self) -> None:
        import logging

        self.logger = logging.getLogger("review")


def reviewed(review: ModuleType, files: list[Any]) -> tuple[int, dict[str, Any]]:
    """Go round until it is done, as the loop does."""
    state, rounds = None, 0
    while state is None or not state["done"]:
        # Through JSON, as between iterations on the wire.
        state = json.loads(json.dumps(review.review({"files": files, "state": state}, Context())))
        rounds += 1
    return rounds, state


def test_each_iteration_takes_one_rule(review: ModuleType) -> None:
    files = review.parse(review.FIXTURE.read_text(encoding="utf-8"))
    rounds, state = reviewed(review, files)
    assert rounds == len(review.RULES)
    assert {(f["rule"], f["line"]) for f in state["findings"]} == {
        ("secret", 4),
        ("long-line", 24),
        ("catch-all", 26),
        ("leftover", 27),
    }


def test_the_review_is_markdown(review: ModuleType) -> None:
    _, state = reviewed(review, review.parse(review.FIXTURE.read_text(encoding="utf-8")))
    page = review.post({"title": "x", "files": 2, "findings": state["findings"]})
    assert page.startswith(
        "# Review of x\n\n2 files changed, 4 findings.\n\n- `payments/client.py:4`"
    )


def git(repo: Path, *words: str) -> None:
    names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repo), *names, *words], check=True, capture_output=True)


def test_a_real_history_is_compared(review: ModuleType, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for text in ("one\n", "one\ntwo \n"):
        (tmp_path / "a.txt").write_text(text)
        git(tmp_path, "add", "a.txt")
        git(tmp_path, "commit", "-qm", f"Write {text.split()[-1]}")
    change = review.diff({"repo": str(tmp_path), "base": "", "head": ""})
    assert change["title"].endswith("Write two")
    assert change["files"] == [{"path": "a.txt", "added": [{"line": 2, "text": "two "}]}]


def test_a_commit_that_is_not_there_is_refused(review: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no difference between"):
        review.diff({"repo": str(tmp_path), "base": "nowhere", "head": ""})
