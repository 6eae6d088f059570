"""What is known of a text: types by place, stages, and how little is done twice."""

import pytest

from dagnats.expr.types import display
from dagnats.lsp.actions import change
from dagnats.lsp.analysis import Analyst
from dagnats.lsp.hover import hover, signature_help
from dagnats.lsp.where import locate
from dagnats.source.document import Document
from tests.lsp.samples import chain, cursor, with_step

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("lines", "type_"),
    [
        (["when: steps.fi|rst.output.ok"], "steps.first"),
        (["when: steps.first.out|put.ok"], "steps.first.output"),
        (["when: steps.first.output.o|k"], "bool"),
        (["when: input.order.total >|= 1.0"], "bool"),
        (["when: input.order.total >= 1|.0"], "double"),
        (["with: {a: 'x 😀 ${{ input.order.i|d }}'}"], "string"),
        (['with: {a: "\\u00e9 ${{ input.order.i|d }}"}'], "string"),
        (
            ["with:", "  a: >-", "    ${{ input.order.total", "    + input.or|der.total }}"],
            "object",
        ),
        (["with: {a: '${{ input.items.map(x, x.pri|ce) }}'}"], "double"),
        (["with: {a: '${{ input.items.m|ap(x, x.price) }}'}"], "list(double)"),
        (["when: has(input.order.note)", "with: {a: '${{ input.order.no|te }}'}"], "string"),
    ],
)
def test_the_type_at_a_place(lines: list[str], type_: str) -> None:
    text, offset = cursor(with_step("task: shop.price", *lines))
    typed = Analyst().whole(text, "demo.yaml").typed_at(offset)
    assert typed is not None
    assert typed.type is not None
    assert display(typed.type) == type_


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["when: steps.first.out|put.ok"], ["steps.first.output", '`kind`: `"low" | "high"`']),
        (["when: inp|ut.order.id == 'a'"], ["What the run was started with"]),
        (["when: input.order.id.starts|With('a')"], ["begins with", "→ bool"]),
        (["with: {a: '${{ math.ab|s(-1) }}'}"], ["math.abs(int) → int"]),
        (["dep|ends_on: [first]"], ["**`depends_on`** of step", "must have ended first"]),
        (["depends_on: [fi|rst]"], ["task `shop.price`", "1 attempt of at most 5m", "output"]),
        (["type: nor|mal"], ["one task, done by a worker"]),
        (["retry: {max_retries: 2, strat|egy: fixed}"], ["`strategy`"]),
    ],
)
def test_hovering(lines: list[str], said: list[str]) -> None:
    text, offset = cursor(with_step("task: shop.price", *lines))
    found = hover(Analyst().whole(text, "demo.yaml"), offset)
    assert found is not None
    markdown, start, end = found
    assert start <= offset <= end
    assert [words for words in said if words not in markdown] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (with_step("task: t").replace("name: demo", "name: de|mo"), "| attempts | "),
        (with_step("task: shop.pri|ce"), "What it costs."),
        (with_step("task: other.ta|sk"), "has no contract here"),
        ("# a com|ment\nname: x\nsteps: []\n", None),
    ],
)
def test_hovering_elsewhere(text: str, said: str | None) -> None:
    text, offset = cursor(text)
    found = hover(Analyst().whole(text, "demo.yaml"), offset)
    assert (found is None) if said is None else (found is not None and said in found[0])


@pytest.mark.parametrize(
    ("line", "labels", "active"),
    [
        ("when: input.order.id.startsWith(|", ["string.startsWith(string) → bool"], 0),
        (
            "when: input.order.id.replace('a', |",
            [
                "string.replace(string, string) → string",
                "string.replace(string, string, int) → string",
            ],
            1,
        ),
        ("when: input.items.exists(x, |", ["exists(x, condition)"], 1),
        ("when: has(|", ["has(value.field)"], 0),
        ("when: input.|", None, 0),
    ],
)
def test_signatures(line: str, labels: list[str] | None, active: int) -> None:
    text, offset = cursor(with_step(line))
    found = signature_help(text, "demo.yaml", offset, Analyst(), None)
    if labels is None:
        assert found is None
        return
    assert found is not None
    assert [each.label for each in found.signatures] == labels
    assert found.active_parameter == active


def test_stages_come_with_more_and_more() -> None:
    text = with_step("task: shop.price", "when: steps.nobody.output.ok")
    stages = list(Analyst().stages(text, "demo.yaml", None))
    assert [stage.is_final for stage in stages] == [False, False, False, True]
    assert [len(stage.findings) > 0 for stage in stages] == [False, False, True, True]
    assert "DN3002" in {finding.code for finding in stages[-1].findings}
    assert list(Analyst().stages(with_step("task: t"), "x", None))[-1].certificate is not None


def test_comments_that_ignore_are_honoured() -> None:
    twice = ["task: shop.price", "depends_on: [first, first]"]
    found = Analyst().whole(with_step(*twice), "demo.yaml").findings
    assert "DN9002" in {finding.code for finding in found}
    ignored = with_step(twice[0], "# dagnats: ignore[DN9002] on purpose", twice[1])
    stages = list(Analyst().stages(ignored, "demo.yaml", None))
    assert not {f.code for stage in stages for f in stage.findings} & {"DN9002", "DN9010"}


@pytest.mark.parametrize(
    "text", ["", "{", "a: [", "\x00", "- 1", "name: x", "steps: 1", "\ufeff{}", "a: &a [*a]"]
)
def test_what_cannot_be_read_is_no_trouble(text: str) -> None:
    found = Analyst().whole(text, "demo.yaml")
    assert found.is_final
    assert found.findings
    assert hover(found, len(text) // 2) is None or found.document is not None


def test_a_keystroke_parses_one_expression() -> None:
    analyst = Analyst()
    text = chain(300)
    analyst.whole(text, "chain.yaml")
    everything = analyst.memory.parsed
    assert everything > 300
    for number in range(1, 6):
        changed = text.replace("steps.s100.output.ok", f"steps.s100.output.ok || {number} > 3")
        assert changed != text
        before = analyst.memory.parsed
        analyst.whole(changed, "chain.yaml")
        assert analyst.memory.parsed - before == 1


def test_what_was_forgotten_is_parsed_again() -> None:
    analyst = Analyst()
    for text in ("when: 1 == 2", "when: 1 == 3", "when: 1 == 4", "when: 1 == 2"):
        before = analyst.memory.parsed
        analyst.whole(with_step("task: t", text), "demo.yaml")
        assert analyst.memory.parsed > before


def test_a_memory_changes_nothing() -> None:
    warm = Analyst()
    warm.whole(with_step("task: t", "when: steps.first.output.ok && input.order.nope"), "x")
    moved = with_step(
        "description: moved", "task: t", "when: steps.first.output.ok && input.order.nope"
    )
    assert warm.whole(moved, "x").findings == Analyst().whole(moved, "x").findings


def test_words_typed_behind_a_dot_cost_one_look() -> None:
    analyst = Analyst()
    asked = 0
    from dagnats.lsp.completion import Completer
    from dagnats.lsp.positions import Lines

    for word in ("", "o", "ou", "out"):
        text, offset = cursor(with_step(f"when: steps.first.{word}|"))
        assert Completer(text, "x", Lines(text), analyst, None).at(offset)
        asked = max(asked, len(analyst._looks))
    assert asked == 2, "one for the types, one for which fields are sure"


@pytest.mark.parametrize(
    ("mark", "path", "key"),
    [
        ("sec|ond", ("steps", 1, "id"), "id"),
        ("inn|er", ("steps", 2, "config", "steps", 0, "id"), "id"),
        ("max_it|ems", ("steps", 2, "config", "max_items"), "max_items"),
    ],
)
def test_where_a_place_is(mark: str, path: tuple[str | int, ...], key: str) -> None:
    plain = mark.replace("|", "")
    text = with_step("task: t")
    offset = text.rindex(plain) + mark.index("|")
    document = Analyst().whole(text, "x").document
    assert isinstance(document, Document)
    where = locate(document, offset)
    assert where.path == path
    assert where.key is not None
    assert where.key.name == key


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("abc", "abc", []),
        ("abc", "axc", [(1, 2, "x")]),
        ("aa", "aaa", [(2, 2, "a")]),
        ("a\r\nb", "a\nb", [(1, 3, "\n")]),
        ("a\nb", "a\r\nb", [(1, 2, "\r\n")]),
        ("", "x", [(0, 0, "x")]),
    ],
)
def test_the_smallest_change(before: str, after: str, edits: list[tuple[int, int, str]]) -> None:
    found = change(before, after)
    assert found == edits
    for start, end, text in found:
        before = before[:start] + text + before[end:]
    assert before == after
