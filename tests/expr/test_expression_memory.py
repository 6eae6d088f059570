"""What is parsed again from memory is what it was, where it stands now."""

import pytest

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.syntax.memory import Memory, active, remembering
from dagnats.expr.syntax.parser import Origin, Parsed, parse_expression, parse_template_text


def origin(offset: int) -> Origin:
    start = Position(offset, 1, offset + 1)
    return Origin(start, Span(start, start), verbatim=True)


def parsed(text: str, offset: int = 0, first_id: int = 1) -> Parsed | None:
    parse = parse_template_text if "${{" in text else parse_expression
    return parse(text, origin(offset), Sink(), first_id=first_id)


@pytest.mark.parametrize("text", ["a.b + 1", "xs.map(x, x + 1)", "of ${{ a }} and ${{ b.c }}"])
def test_a_tree_comes_back_at_its_new_place(text: str) -> None:
    memory = Memory()
    with remembering(memory):
        first = parsed(text)
        again = parsed(text, 100)
    fresh = parsed(text, 100)
    assert memory.parsed == 1
    assert first is not None
    assert again is not None
    assert fresh is not None
    assert again.expr is first.expr
    assert again.expr == fresh.expr
    assert dict(again.spans) == dict(fresh.spans)
    assert dict(again.spans) != dict(first.spans)


def test_other_ids_are_another_tree() -> None:
    memory = Memory()
    with remembering(memory):
        one, other = parsed("a.b"), parsed("a.b", first_id=10)
    assert memory.parsed == 2
    assert one is not None
    assert other is not None
    assert set(one.spans).isdisjoint(other.spans)


def test_a_mistake_is_found_each_time() -> None:
    memory = Memory()
    for _ in range(2):
        with remembering(memory):
            sink = Sink()
            assert parse_expression("a +", origin(0), sink) is None
            assert [finding.code for finding in sink.sorted()] == ["DN4001"]
    assert memory.parsed == 0


def test_what_a_text_does_not_ask_for_is_forgotten() -> None:
    memory = Memory()
    for texts, parsed_so_far in ((["a", "b"], 2), (["a"], 2), (["a"], 2), (["b"], 3)):
        with remembering(memory):
            for text in texts:
                assert parsed(text) is not None
        assert memory.parsed == parsed_so_far


def test_without_one_nothing_is_remembered() -> None:
    assert active() is None
    one, other = parsed("a.b"), parsed("a.b")
    assert one is not None
    assert other is not None
    assert one.expr is not other.expr
