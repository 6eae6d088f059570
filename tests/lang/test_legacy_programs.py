"""Documents of the Go dagnats compile, and what the fixes make of them is the same program."""

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.diagnostics.fixes import mend
from dagnats.ir.codec import digest
from tests.lang.test_legacy import BLOCKS, KEYS, RULES

pytestmark = pytest.mark.slow

DOCUMENTS = [(case[0], case[1]) for case in KEYS] + [("a document in blocks", BLOCKS)]


@pytest.mark.parametrize(("name", "text"), DOCUMENTS, ids=[name for name, _ in DOCUMENTS])
def test_the_fixes_make_the_same_program(name, text):
    before = compile_workflow(text, "a.yaml")
    mended = mend(text, lambda each: compile_workflow(each, "a.yaml").diagnostics, unsafe=False)
    after = compile_workflow(mended.text, "a.yaml")
    assert before.program is not None, name
    assert after.program is not None
    assert digest(before.program) == digest(after.program)


@pytest.mark.parametrize(("name", "text", "_"), RULES, ids=[rule[0] for rule in RULES])
def test_each_rule_of_go_is_an_error(name, text, _):
    compiled = compile_workflow(text, "a.yaml")
    assert compiled.program is None, name
    found = [f for f in compiled.diagnostics if f.severity is Severity.ERROR]
    assert len(found) == 1
