"""The catalogue of bounds and times is true: its documents yield what they stand for."""

import pytest

from dagnats.diagnostics.catalog_bounds import ENTRIES
from dagnats.diagnostics.catalog_entry import Entry
from tests.compiler.proving import proven

ALONE = [
    (code, entry)
    for code, entry in sorted(ENTRIES.items())
    if not entry.before and not entry.registered
]
"""Entries of what a document says by itself."""

every_entry = pytest.mark.parametrize(("code", "entry"), ALONE, ids=[code for code, _ in ALONE])


@every_entry
def test_the_bad_document_yields_the_code_alone(code: str, entry: Entry) -> None:
    found = proven(entry.bad).findings
    assert {(d.code, d.severity) for d in found} == {(code, entry.severity)}


@every_entry
def test_the_good_document_yields_nothing(code: str, entry: Entry) -> None:
    found = proven(entry.good)
    assert not found.findings, code
    assert found.program is not None
