"""Clean documents are clean; of a corrupted one, the first finding is about the corruption.

A sample here; `make mutate` tries them all and prints a table.
"""

import pytest

from dagnats.cli.imported import load
from dagnats.compiler.pipeline import check_workflow, compile_workflow
from tests.mutations.catalogue_of_mutations import OPERATORS
from tests.mutations.mutation import Mutation
from tests.mutations.report import Tally, attempt, chosen, tries
from tests.mutations.written import Doc, load_documents

DOCUMENTS = load_documents()
OWN = [doc for doc in DOCUMENTS if not doc.name.startswith("catalogue ")]
SEED = "a sample"
EXACT_MIN = 0.98
QUIET_MIN = 0.995


def test_there_is_enough_of_both() -> None:
    assert len(OWN) >= 40
    assert len(OPERATORS) >= 60


@pytest.mark.parametrize("doc", OWN, ids=lambda doc: doc.name)
def test_a_clean_document_draws_nothing_and_compiles(doc: Doc) -> None:
    assert check_workflow(doc.text, doc.file, load=load).diagnostics == ()
    assert compile_workflow(doc.text, doc.file, load=load).program is not None


@pytest.mark.slow
def test_the_first_finding_is_about_the_corruption() -> None:
    tally = Tally()
    for each in tries(OWN, 1, SEED):
        tally.add(each)
    shown = "\n".join([*tally.table(), *(str(m) for of in tally.misses.values() for m in of[:2])])
    assert tally.share_exact >= EXACT_MIN, shown
    assert tally.share_quiet >= QUIET_MIN, shown


@pytest.mark.slow
def test_every_corruption_is_tried_and_found() -> None:
    """No kind of corruption may go unnoticed because another one makes up for it."""
    for name in OPERATORS:
        found = total = 0
        for doc in DOCUMENTS:
            for mutation in chosen(doc, name, 1, SEED):
                found, total = found + attempt(name, doc, mutation).is_exact, total + 1
            if total >= 8:
                break
        assert total, f"{name} applies nowhere"
        assert found >= total / 2, f"{name}: {found} of {total}"


def test_a_wrong_place_is_a_miss() -> None:
    doc = Doc("d", "dagnats: 1\nname: a\nsteps: [{id: a, task: t, tsak: u}]\n", "<text>")
    right = Mutation(doc.text, ("DN2001",), (doc.text.index("tsak"),))
    assert attempt("x", doc, right).is_exact
    assert not attempt("x", doc, Mutation(doc.text, ("DN2001",), (0,))).is_exact
    assert not attempt("x", doc, Mutation(doc.text, ("DN2002",), right.offsets)).is_exact
    clean = Mutation(doc.text.replace(", tsak: u", ""), ("DN2001",), right.offsets)
    assert not attempt("x", doc, clean).is_exact
