"""The guide to expressions is true: every example is executed, the tables are the code's."""

import contextlib
import doctest
import io
import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from dagnats import expr
from dagnats.cli.main import main
from dagnats.diagnostics.diagnostic import Severity
from tests.expr import guide

PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(
    r"(?P<text>.*?)\s+// (?:(?P<kind>fails|refused): (?P<code>\w+)|→ (?P<value>.*))"
)


def blocks(language: str) -> list[str]:
    return [block[2] for block in BLOCK.finditer(TEXT) if block[1] == language]


DATA: dict[str, Any] = json.loads(blocks("json")[0])
LINES = [line for block in blocks("cel") for line in block.splitlines()]


def outcome(text: str) -> str:
    try:
        return f"→ {json.dumps(guide.value(text, DATA), ensure_ascii=False)}"
    except expr.CompileError as error:
        errors = [d for d in error.diagnostics if d.severity is Severity.ERROR]
        return f"refused: {errors[0].code}"
    except expr.EvaluationError as error:
        return f"fails: {error.code}"


@pytest.mark.parametrize("line", LINES)
def test_an_example_gives_what_stands_beside_it(line: str) -> None:
    example = EXAMPLE.fullmatch(line)
    assert example, "an example says what it gives"
    said = f"{example['kind']}: {example['code']}" if example["kind"] else f"→ {example['value']}"
    assert outcome(example["text"]) == said


def test_what_is_shown_in_python_is_what_python_shows() -> None:
    session = doctest.DocTestParser().get_doctest("".join(blocks("python")), {}, "guide", None, 0)
    report = io.StringIO()
    results = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(session, out=report.write)
    assert results.attempted > 10
    assert not results.failed, report.getvalue()


def commands() -> list[tuple[str, str]]:
    """Every shown command with what it prints."""
    found = []
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            line, _, printed = part.partition("\n")
            found.append((line, printed))
    return found


@pytest.mark.parametrize(("line", "printed"), commands())
def test_a_command_prints_what_is_shown(
    line: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.json").write_text(json.dumps(DATA["input"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    words = shlex.split(line)
    assert words.pop(0) == "dagnats"
    found = io.StringIO()
    with contextlib.redirect_stdout(found), contextlib.redirect_stderr(found):
        main(words)
    assert found.getvalue().rstrip() == printed.rstrip()


def test_the_table_of_functions_is_the_codes() -> None:
    page = guide.replaced(TEXT, "functions", guide.page_of_functions())
    if os.environ.get("DAGNATS_BLESS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make bless`"


def test_every_function_has_an_example_and_every_example_a_function() -> None:
    names = {f.name for _, functions in guide.GROUPS for f in guide.public(functions)}
    assert names == set(guide.EXAMPLES)


@pytest.mark.parametrize("name", guide.EXAMPLES)
def test_an_example_of_a_function_calls_it(name: str) -> None:
    assert all(f"{name}(" in example for example in guide.EXAMPLES[name])


def test_the_kinds_of_failure_are_all_named() -> None:
    table = TEXT.partition("| code | when")[2].partition("\n\n")[0]
    source = (Path(expr.__file__).parent).rglob("*.py")
    raised = {
        code
        for path in source
        for code in re.findall(
            r"EvaluationError\([^()]*(?:\([^()]*\)[^()]*)*, \"(\w+)\"", path.read_text()
        )
    }
    assert raised
    assert raised <= set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
