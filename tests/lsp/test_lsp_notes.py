"""What is remembered between texts saves work, and changes nothing of what is found."""

import random

import pytest

from dagnats.cli.imported import load
from dagnats.compiler.remembered import Notes, active, noting, once, same
from dagnats.expr.ast import Expr, ListOf, Literal, MapOf
from dagnats.lsp.analysis import Analysis, Analyst
from tests.lsp.samples import chain, with_step
from tests.mutations.catalogue_of_mutations import OPERATORS
from tests.mutations.report import chosen
from tests.mutations.written import Doc, load_documents

DOCUMENTS = [doc for doc in load_documents() if not doc.name.startswith("catalogue ")]
MUTATIONS_EACH = 40
EXPRESSIONS_MAX = 12
"""Results that a keystroke in one expression may need anew, however large the document is."""


def known(found: Analysis) -> tuple[object, ...]:
    """Return what is found, with every type in full: equal ones need not be the same."""
    typed = None if found.judged is None else repr(found.judged.typed)
    return found.findings, found.left_out, found.certificate, typed


@pytest.mark.slow
@pytest.mark.parametrize("doc", DOCUMENTS, ids=lambda doc: doc.name)
def test_after_other_texts_the_same_is_found(doc: Doc) -> None:
    made = [mutation for name in OPERATORS for mutation in chosen(doc, name, 1, "notes")]
    chance = random.Random(doc.name)
    warm = Analyst()
    for mutation in chance.sample(made, min(MUTATIONS_EACH, len(made))):
        for text in (doc.text, mutation.text):
            warmly = known(warm.whole(text, doc.file, load))
            assert warmly == known(Analyst().whole(text, doc.file, load))


EDITS = [
    ("total: {type: number}", "total: {type: string}"),
    ("kind: {enum: [low, high]}", "kind: {enum: [low]}"),
    ("required: [ok, kind, some-name]", "required: [ok]"),
    ('limit: "${{ input.order.total + 1.0 }}"', 'limit: "${{ input.order.total }}"'),
    ("with: {a: 1}", "with: {a: 1.0}"),
    ("with: {a: 1}", "with: {a: true}"),
    ("maxItems: 10", "maxItems: 1000"),
    ("- id: first", "- id: first\n    when: input.order.id == 'x'"),
    ("kind == 'high'", "kind == 'low'"),
    ("kind == 'high'", "kind != 'high'"),
    ("when: steps", "when: has(input.order.note) && steps"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), EDITS)
def test_what_an_expression_stands_among_counts(old: str, new: str) -> None:
    text = with_step(
        "task: shop.price",
        "when: steps.first.output.ok && steps.first.output.kind == 'high'",
        'with: {a: "${{ vars.limit }}", b: "${{ input.order.?note }}", c: [1, {d: 1}],',
        '  e: "${{ steps.first.output.kind }}"}',
    )
    assert old in text
    warm = Analyst()
    for each in (text, text.replace(old, new), text):
        assert known(warm.whole(each, "x")) == known(Analyst().whole(each, "x"))


@pytest.mark.slow
@pytest.mark.parametrize("steps", [100, 300])
def test_a_keystroke_works_out_what_it_changes(steps: int) -> None:
    warm, text = Analyst(), chain(steps)
    warm.whole(text, "x")
    assert warm.notes.worked > steps
    for number in range(5):
        before = warm.notes.worked
        place = "steps.s50.output.ok"
        warm.whole(text.replace(place, f"{place} || {number} > 3", 1), "x")
        assert 0 < warm.notes.worked - before <= EXPRESSIONS_MAX


def test_what_a_text_did_not_ask_for_is_forgotten() -> None:
    notes = Notes()
    one, other = Literal("a", 1), Literal("b", 1)
    for asked, worked_so_far in (([one, other], 2), ([one], 2), ([one], 2), ([other], 3)):
        notes.next_text()
        with noting(notes):
            assert [once(_value, each) for each in asked] == [each.value for each in asked]
        assert notes.worked == worked_so_far
    assert active() is None


def _value(expr: Literal) -> str:
    return str(expr.value)


DIFFERENT: list[Expr] = [
    Literal(value, 1)
    for value in (1, 1.0, True, "1", 0.0, -0.0, None, [1], [1.0], {"a": 1}, {"a": True})
]
DIFFERENT += [
    Literal(1, 2),
    ListOf((Literal(1, 1),), (), 2),
    ListOf((Literal(1, 1),), (0,), 2),
    MapOf(((Literal("a", 1), Literal(1, 2)),), (), 3),
    MapOf(((Literal("a", 1), Literal(1.0, 2)),), (), 3),
    MapOf(((Literal("a", 1), Literal(1, 3)),), (), 3),
]


def test_trees_are_the_same_down_to_kinds_and_ids() -> None:
    notes = Notes()
    with noting(notes):
        assert [same(each) for each in DIFFERENT] == DIFFERENT
        assert all(same(each) is each for each in DIFFERENT)
        again = MapOf(((Literal("a", 1), Literal(1, 2)),), (), 3)
        assert same(again) is DIFFERENT[-3]
    assert same(again) is again
