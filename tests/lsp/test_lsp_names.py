"""Mentions of steps, tasks and variables, and giving them other names."""

import pytest

from dagnats.lsp.analysis import Analyst
from dagnats.lsp.names import (
    RefusedError,
    field_definition,
    mention_at,
    mentions,
    renamed,
    same,
)
from tests.lsp.samples import cursor, with_step

TEXT = """\
dagnats: 1
name: demo
input: {type: object, properties: {n: {type: integer}}, required: [n]}
tasks: {work: {}}
vars: {limit: "${{ input.n }}"}
steps:
  - id: first
    task: work
    on_failure: rescue
  - {id: 'second', task: work, depends_on: [first, {step: "first", allow: skipped}]}
  - id: third
    task: work
    when: >-
      steps.first.output == steps["first"].output && steps[?'first'].hasValue()
      && vars.limit > 1
    with: {a: "é😀 ${{ steps[\\"first\\"].output }} ${{ steps.?first }} steps.first"}
  - id: fan
    type: map
    config:
      over: "${{ [1] }}"
      max_items: 1
      steps: [{id: inner, task: work, with: {a: "${{ steps.first.output }}"}}]
  - id: rescue
    task: work
    compensate: undo
  - id: undo
    task: work
output: >-
  ${{ steps.first.output
  }}
"""


def renaming(old: str, new: str, text: str = TEXT) -> str:
    """The text after a rename, from every mention the same."""
    analysis = Analyst().whole(text, "demo.yaml")
    found = mentions(analysis)
    mine = [each for each in found if each.name == old]
    assert mine
    results = set()
    for one in mine:
        after = text
        for start, end, written in sorted(renamed(analysis, one, new), reverse=True):
            after = after[:start] + written + after[end:]
        results.add(after)
    assert len(results) == 1
    return results.pop()


def test_every_mention_of_a_step_is_found() -> None:
    found = mentions(Analyst().whole(TEXT, "demo.yaml"))
    assert {TEXT[each.start : each.end] for each in found} == {each.name for each in found}
    assert len([each for each in found if each.name == "first"]) == 10
    assert [e.is_definition for e in found if e.name == "rescue"] == [False, True]


@pytest.mark.parametrize("new", ["begin", "b-1", "in", "true", "1", "no", "x" * 64])
def test_a_renamed_document_means_the_same(new: str) -> None:
    after = renaming("first", new)
    assert "steps.first" in after, "what only looks like a reference stays"
    before = Analyst().whole(TEXT, "demo.yaml")
    now = Analyst().whole(after, "demo.yaml")
    assert [f.code for f in now.findings] == [f.code for f in before.findings]
    assert [e.name for e in mentions(now)] == [
        new if e.name == "first" else e.name for e in mentions(before)
    ]


@pytest.mark.parametrize(
    ("new", "lines"),
    [
        ("b-1", ["id: b-1", "steps.`b-1`.output ==", 'steps["b-1"]', "[?'b-1']", "steps.?`b-1`"]),
        ("1", ['id: "1"', "steps.`1`.output ==", 'steps["1"]', '["1", {step: "1",']),
        ("plain", ["id: plain", "steps.plain.output ==", "[plain, {step:", '[\\"plain\\"]']),
    ],
)
def test_how_a_new_name_is_written(new: str, lines: list[str]) -> None:
    after = renaming("first", new)
    assert [line for line in lines if line not in after] == []


def test_an_escaped_name_stays_escaped() -> None:
    after = renaming("b-1", "plain", renaming("first", "b-1"))
    assert "steps.`plain`.output" in after
    assert renaming("limit", "most") == TEXT.replace("limit", "most")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("first", "a b", "is no id"),
        ("first", "", "is no id"),
        ("first", "x" * 65, "is no id"),
        ("first", "é", "is no id"),
        ("first", "second", "there is a step `second` already"),
        ("first", "inner", "there is a step `inner` already"),
        ("work", "other", "a task is not of this document alone"),
        ("limit", "a-b", "is no name"),
    ],
)
def test_names_that_are_refused(old: str, new: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        renaming(old, new)


def test_the_same_name_changes_nothing() -> None:
    assert renaming("first", "first") == TEXT


def test_what_is_not_a_name_is_none() -> None:
    analysis = Analyst().whole(TEXT, "demo.yaml")
    found = mentions(analysis)
    assert mention_at(found, TEXT.index("properties")) is None
    one = mention_at(found, TEXT.index("work"))
    assert one is not None
    assert len(same(found, one)) == 7


def test_old_forms_are_mentions_too() -> None:
    text = (
        "name: old\nsteps:\n- id: a\n  task: t\n- id: b\n  task: t\n  depends_on: [a]\n"
        "  skip_if: {step_id: a, field: x, op: eq, value: 1}\n"
    )
    assert renaming("a", "z", text) == text.replace("id: a", "id: z").replace("[a]", "[z]")


def test_json_keeps_its_quotes() -> None:
    text = (
        '{"name": "j", "steps": [{"id": "a", "task": "t"}, '
        '{"id": "b", "task": "t", "depends_on": ["a"]}]}'
    )
    assert renaming("a", "1", text) == text.replace('"a"', '"1"')


@pytest.mark.parametrize(
    ("expression", "declared"),
    [
        ("input.ord|er.id == 'a'", "order"),
        ("input.order.?no|te.hasValue()", "note"),
        ("input.items[0].pri|ce > 1.0", "price"),
        ("inp|ut.order.id == 'a'", "input"),
        ("steps.first.output.ki|nd == 'low'", "kind"),
        ("steps.first.outp|ut.ok", "output"),
        ("input.order.nob|ody", None),
        ("steps.first.stat|us == 'completed'", None),
        ("vars.limit > 1|.0", None),
    ],
)
def test_where_a_field_is_declared(expression: str, declared: str | None) -> None:
    text, offset = cursor(with_step("task: shop.price", f"when: {expression}"))
    entry = field_definition(Analyst().whole(text, "demo.yaml"), offset)
    assert (entry and entry.key) == declared
    if entry is not None:
        assert text[entry.key_span.start.offset : entry.key_span.end.offset] == declared


GO = """\
name: n
steps:
  - {id: a.b, task: work}
  - {id: c, task: work, depends_on: [a.b], with: '${{ steps["a.b"].output }}'}
  - {id: d, type: loop, config: {max_iterations: 2, steps: [{id: e, task: work}]}}
"""


def test_ids_of_go_have_dots_at_the_top_and_in_its_documents_only() -> None:
    assert "{id: a.c, task" in renaming("a.b", "a.c", GO)
    assert 'depends_on: [plain], with: \'${{ steps["plain"].output' in renaming("a.b", "plain", GO)
    assert "{id: x.y, task" in renaming("c", "x.y", GO)
    for text, old in ((GO, "e"), (f"dagnats: 1\n{GO}", "c")):
        with pytest.raises(RefusedError, match="is no id"):
            renaming(old, "x.y", text)
