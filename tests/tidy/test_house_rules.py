"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import dagnats

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "dagnats").rglob("*.py"))
GENERATED = {"dagnats/expr/syntax/_grammar.py"}

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\braise NotImplementedError\b")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_public_names_are_these() -> None:
    assert dagnats.__all__ == [
        "AsyncContext",
        "Compiled",
        "Context",
        "Continue",
        "NonRetryable",
        "RetryAfter",
        "Retryable",
        "Worker",
        "compile_workflow",
        "harness",
        "task",
    ]


@pytest.mark.parametrize("name", dagnats.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(dagnats, name).__doc__


def test_modules_stay_short() -> None:
    lengths = {relative(p): p.read_text(encoding="utf-8").count("\n") for p in SOURCES}
    long = {name: n for name, n in lengths.items() if n > MODULE_LINES_MAX}
    assert not {name: n for name, n in long.items() if name not in GENERATED}


@pytest.mark.slow
def test_functions_stay_short() -> None:
    long = {
        f"{relative(path)}:{function.name}": length
        for path in SOURCES
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert not long


def test_nothing_is_unfinished() -> None:
    assert not [
        f"{relative(path)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def test_package_files_are_empty() -> None:
    # But for those of what people import: the package, and expressions as a library.
    public = {"dagnats", "expr"}
    files = [p for p in SOURCES if p.name == "__init__.py" and p.parent.name not in public]
    assert not [relative(p) for p in files if p.read_text(encoding="utf-8").strip()]


@pytest.mark.slow
def test_every_module_says_what_it_is() -> None:
    silent = [
        relative(path)
        for path in SOURCES
        if path.name != "__init__.py"
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(p.name[:4]) for p in (ROOT / "docs" / "adr").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
