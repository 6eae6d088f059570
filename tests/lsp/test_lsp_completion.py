"""What is proposed, in many places of documents that are being written."""

import pytest
from lsprotocol import types as lsp

from dagnats.lsp.analysis import Analyst
from dagnats.lsp.completion import Completer
from dagnats.lsp.positions import Lines
from tests.lsp.samples import HEAD, TAIL, cursor, with_step


def proposed(text: str) -> dict[str, str]:
    """What would be written for each label."""
    return {item.label: item.text_edit.new_text for item in items(text)}


def items(text: str) -> list[lsp.CompletionItem]:
    text, offset = cursor(text)
    return Completer(text, "demo.yaml", Lines(text), Analyst(), None).at(offset)


ORDER = {"id": "id", "total": "total", "note?": ".?note"}


@pytest.mark.parametrize(
    ("lines", "some"),
    [
        (["when: |"], {"input": "input", "steps": "steps", "vars": "vars", "has": None}),
        (["when: steps.|"], {"first": "first", "fan": "fan"}),
        (["when: steps.fi|"], {"first": "first"}),
        (["when: steps.first.|"], {"status": "status", "output": "output"}),
        (["when: steps.first.output.|"], {"ok": "ok", "some-name": "`some-name`"}),
        (["when: steps.first.output.`some|"], {"some-name": "`some-name`"}),
        (["when: steps.first.output.ki|nd"], {"kind": "kind"}),
        (["when: '!(steps.first.output.|'"], {"ok": "ok"}),
        (["when: steps.first.output.kind == |"], {"low": '"low"', "high": '"high"'}),
        (["""when: 'steps.first.output.kind == "l|"'"""], {"low": '"low', "high": '"high'}),
        (['when: "steps.first.output.kind == |"'], {"low": "'low'"}),
        (['when: "steps.first.output.kind != |'], {"low": "'low'"}),
        (["when: steps.first.status == |"], {"completed": '"completed"'}),
        (["when: input.order.|"], ORDER),
        (["when: has(input.order.note) && input.order.|"], {"note": "note"}),
        (["when: has(input.order.note)", "with: {a: '${{ input.order.|'}"], {"note": "note"}),
        (["with: {a: '${{ input.order.|"], ORDER),
        (["with: {a: '${{ input.order.| }}', b: 1}"], ORDER),
        (['with: {a: "of ${{ 1 }}: ${{ input.order.|"}'], ORDER),
        (["with:", "  a: ${{ input.order.|"], ORDER),
        (["with:", "  a: >-", "    ${{ input.order.total +", "    input.order.|"], ORDER),
        (["with:", "  a: ${{ input.items.filter(x, x.|"], {"price": "price", "name": "name"}),
        (["with:", "  a: ${{ input.items.filter(x, |"], {"x": "x", "input": "input"}),
        (["with:", "  a: ${{ input.items[0].|"], {"price": "price"}),
        (["with:", '  a: ${{ steps["|'], {"first": '"first"'}),
        (["with:", '  a: ${{ input["|"] }}'], {"order": '"order'}),
        (["with:", "  a: ${{ math.|"], {"abs": "abs($0)", "greatest": "greatest($0)"}),
        (
            ["with:", "  a: ${{ input.order.id.|"],
            {"startsWith": "startsWith($0)", "trim": "trim()"},
        ),
        (["with:", "  a: ${{ input.items.|"], {"map": None, "filter": None, "size": "size($0)"}),
        (["with:", "  a: ${{ input.order.?note.|"], {"orValue": "orValue($0)", "optMap": None}),
        (["with:", "  a: ${{ vars.|"], {"limit": "limit"}),
        (["task: |"], {"shop.price": "shop.price"}),
        (["task: shop.|"], {"shop.price": "shop.price"}),
        (["depends_on: |"], {"first": "[first]", "fan": "[fan]", "last": "[last]"}),
        (["depends_on: [first, |]"], {"fan": "fan"}),
        (["depends_on:", "  - |"], {"first": "first"}),
        (["depends_on:", "  - step: |", "    allow: failed"], {"first": "first"}),
        (["on_failure: |"], {"last": "last"}),
        (["compensate: la|"], {"last": "last"}),
        (["type: wait_for_event", "config: {event: |, timeout: 5m}"], {"order.paid": "order.paid"}),
        (
            [
                "type: wait_for_event",
                "config: {event: order.paid, timeout: 5m, match: event.data.|}",
            ],
            {"by": "by"},
        ),
        (["type: loop", "config: {max_iterations: 3, until: |}"], {"loop": "loop"}),
        (
            ["type: map", "task: shop.price", "config: {over: input.items}", "with: '${{ item.|'"],
            {"price": "price"},
        ),
    ],
)
def test_what_is_proposed(lines: list[str], some: dict[str, str | None]) -> None:
    found = proposed(with_step(*lines))
    assert {label: found.get(label) for label, text in some.items() if text} == {
        label: text for label, text in some.items() if text
    }
    assert set(some) <= set(found)


@pytest.mark.parametrize(
    ("lines", "none"),
    [
        (["when: |"], {"item", "index", "loop", "error", "event", "result", "trigger"}),
        (["when: steps.|"], {"second", "inner", "input", "size"}),
        (["depends_on: [first, |]"], {"first", "second", "inner"}),
        (["when: steps.first.output.ok.|"], {"startsWith", "map", "orValue"}),
        (["when: input.order.id == 'a|'"], {"low", "input"}),
        (["description: input.|"], {"order"}),
        (["with: {a: input.|}"], {"order"}),
        (["with: {a: '$${{ input.|'}"], {"order"}),
        (["with: {a: '${{ input }}.|'}"], {"order"}),
    ],
)
def test_what_is_not_proposed(lines: list[str], none: set[str]) -> None:
    assert not none & set(proposed(with_step(*lines)))


HANDLED = HEAD.replace("with: {a: 1}", "on_failure: last\n    compensate: fan")


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        (HEAD + TAIL + "output: ${{ steps.|", {"first", "fan", "last"}, {"inner"}),
        (HEAD + TAIL + "output: ${{ |", {"input", "steps"}, {"item"}),
        (HEAD + TAIL + "labels: {a: '${{ |'}", {"input", "run"}, {"steps"}),
        (HEAD + TAIL.replace("{a: 2}", "{a: '${{ item.|'}"), {"price", "name"}, {"order"}),
        (HEAD + TAIL.replace("{a: 2}", "{a: '${{ steps.|'}"), {"first"}, {"inner", "fan"}),
        (HEAD + TAIL.replace("{a: 2}", "{a: '${{ |'}"), {"item", "index"}, {"error"}),
        (
            HEAD.replace("with: {a: 1}", "on_failure: last")
            + TAIL.replace("{a: 3}", "{a: '${{ error.|'}"),
            {"code", "message"},
            set(),
        ),
        (HANDLED + TAIL.replace("{a: 3}", "{a: '${{ steps.|'}"), {"first", "fan"}, {"last"}),
        (HANDLED + TAIL + "output: ${{ steps.|", {"first"}, {"fan", "last"}),
    ],
)
def test_other_places(text: str, some: set[str], none: set[str]) -> None:
    found = set(proposed(text))
    assert some <= found
    assert not none & found


def test_json_documents() -> None:
    text = (
        '{"name": "j", "input": {"type": "object", "properties": {"order": {"type": "string"}}},'
        ' "steps": [{"id": "a", "task": "t", "with": {"x": "${{ input.|'
    )
    assert set(proposed(text)) >= {"order?"}
    assert proposed(text + ' }}"}}]}')["order?"] == ".?order"


def test_functions_say_how_they_are_called() -> None:
    found = {item.label: item for item in items(with_step("when: input.order.id.|"))}
    item = found["startsWith"]
    assert item.detail == "string.startsWith(string) → bool"
    assert "begins" in item.documentation.value
    assert item.insert_text_format == lsp.InsertTextFormat.Snippet


@pytest.mark.parametrize(
    "text", ["|", "\n|", "name|", "name: |", "- |", "steps: [|", "a: &x |", "\t|", "'|"]
)
def test_nothing_much_is_no_trouble(text: str) -> None:
    assert isinstance(items(text), list)
