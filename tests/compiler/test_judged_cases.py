"""The passes over the meaning find exactly what is noted, and every rule of theirs is shown."""

import re
from pathlib import Path

import pytest

from dagnats.diagnostics.catalog_expressions import EXPRESSIONS
from dagnats.diagnostics.catalog_meaning import MEANING
from dagnats.diagnostics.catalog_semantics import ENTRIES
from tests.compiler.cases import FOLDER, cases_of
from tests.compiler.judging import judged

CASES = [case for file in sorted(FOLDER.glob("*/*.md")) for case in cases_of(file)]
SOURCES = Path(__file__).parents[2] / "dagnats" / "compiler"

RULES = {
    "graph: duplicate id": ["DN3001"],
    "graph: unknown step, workflow, event, task": ["DN3002", "DN3016", "DN3018", "DN3019"],
    "graph: a step that is not seen": ["DN3005"],
    "graph: cycle with its path": ["DN3003"],
    "graph: self-dependency": ["DN3004"],
    "graph: redundant edge": ["DN3023", "DN9002"],
    "graph: orphan handler": ["DN4002"],
    "graph: unreachable by constant or enum": ["DN3020"],
    "graph: handler with dependencies": ["DN3006"],
    "graph: handler used as a normal step": ["DN3007"],
    "graph: handlers that cannot be": ["DN3010", "DN3011", "DN3012", "DN3013", "DN3014"],
    "graph: sub-workflow recursion": ["DN3016"],
    "graph: missing terminal": ["DN3026", "DN3027"],
    "graph: join on a parent that may be skipped": ["DN3021"],
    "graph: join of fewer than two": ["DN3022"],
    "graph: answers": ["DN3024", "DN3027"],
    "graph: the end of a generation": ["DN3025"],
    "expressions: a context that is not available": ["DN4002"],
    "data: output read before it is there": ["DN5001"],
    "data: input of a task or sub-workflow": ["DN5003"],
    "data: output of the workflow": ["DN5004"],
    "data: map over no list": ["DN5005"],
    "data: event payload": ["DN5007", "DN5002"],
    "data: input by trigger and by generation": ["DN5008", "DN5009"],
    "data: values of config": ["DN5010"],
    "data: unused input, output, parameter": ["DN9020", "DN9021", "DN9022", "DN9024"],
    "data: error object misuse": ["DN4002", "DN5001", "DN5002"],
    "data: switch not exhaustive": ["DN5011"],
    "data: overlapping cases": ["DN5012", "DN5013", "DN5014"],
    "security: secret flow": ["DN8001", "DN8002", "DN9023"],
    "security: literal credential": ["DN8003"],
    "security: untrusted input": ["DN8006"],
    "security: webhook without secret": ["DN8005"],
    "security: wildcard subject": ["DN8004"],
    "security: over-broad capability": ["DN8007"],
    "hygiene: dependencies": ["DN9002", "DN9025"],
    "hygiene: naming, description": ["DN9026", "DN9027"],
    "hygiene: unpinned version": ["DN9028"],
    "hygiene: deprecated": ["DN9029"],
    "hygiene: marks of other languages": ["DN9030"],
}
"""Each rule of the research that the meaning is judged by, with its codes."""


@pytest.mark.parametrize("code", sorted(ENTRIES))
def test_the_bad_document_of_an_entry_yields_its_code_alone(code):
    entry = ENTRIES[code]
    findings = judged(entry.bad)[1]
    assert {(f.code, f.severity) for f in findings} == {(code, entry.severity)}


@pytest.mark.parametrize("code", sorted(ENTRIES))
def test_the_good_document_of_an_entry_yields_nothing(code):
    assert not judged(ENTRIES[code].good)[1]


def test_names_of_entries_are_their_own():
    names = [entry.name for entry in (*ENTRIES.values(), *MEANING.values(), *EXPRESSIONS.values())]
    assert sorted(set(names)) == sorted(names)


def test_every_rule_has_a_case_or_an_entry():
    shown = {note.code for case in CASES for note in case.notes} | set(ENTRIES) | set(MEANING)
    shown |= set(EXPRESSIONS) | {"DN9002"}
    assert {code for codes in RULES.values() for code in codes} <= shown


def test_every_code_of_an_entry_has_a_rule_and_is_reported_somewhere():
    ruled = {code for codes in RULES.values() for code in codes}
    assert set(ENTRIES) <= ruled
    texts = [path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py")]
    reported = {code for text in texts for code in re.findall(r'"(DN\d{4})"', text)}
    assert set(ENTRIES) <= reported


def test_every_code_of_an_entry_is_noted_in_a_case():
    assert set(ENTRIES) <= {note.code for case in CASES for note in case.notes}
