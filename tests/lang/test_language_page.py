"""What the page of the language shows is understood without a finding."""

import re
from pathlib import Path

import pytest

from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.front import check_library, is_library
from dagnats.source.reader import read
from tests.lang.fronts import front, loader, told

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {found[1]: block for block in BLOCKS if (found := re.match(r"# (\S+\.yaml)\n", block))}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[1])
def test_what_is_shown_is_understood(block):
    sink = Sink()
    document = read(block, "workflows/invoice.yaml", sink)
    if is_library(document):
        check_library(document, sink)
        assert told(sink.sorted()) == []
    else:
        workflow, findings = front(block, FILES, "workflows/invoice.yaml")
        assert told(findings) == []
        assert workflow is not None


def test_every_type_of_step_is_spoken_of():
    said = [
        kind.name for kind in STEP_TYPES if re.search(rf"`{kind.name}`|type: {kind.name}\b", PAGE)
    ]
    assert {kind.name for kind in STEP_TYPES} - set(said) == {"agent"}


def test_a_loader_of_tests_finds_what_is_beside():
    assert loader(FILES)("workflows/a.yaml", "../shared/tasks.yaml").name == "shared/tasks.yaml"
