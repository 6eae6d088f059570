"""Whatever is written: sentences of the grammar parse, and what is none of them is a finding."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.ast import INTERPOLATE, Call, children, walk
from dagnats.expr.syntax import _grammar
from dagnats.expr.syntax.actions import ACTIONS
from dagnats.expr.syntax.parser import Origin, parse_expression, parse_template_text
from tests.expr.sentences import sentence

START = Position(0, 1, 1)
ORIGIN = Origin(START, Span(START, START), verbatim=True)
PIECES = (
    *"ab.?:[](){}+-!&|=<>\"'\\\n ,0123xu`$/eE%@#;é“\x00\ud800",
    "${{", "}}", "and", "in", "if", "'''", '"""', "br'", "//", "&&", "1.", "0x", "has(", ".all(",
    "cel.index(0)", "cel.block([", "9223372036854775808", "true", "while", "_",
)  # fmt: skip
SEEDS = st.integers(0, 2**32)
BUDGETS = st.integers(1, 40)


def parsed(text, parser=parse_expression):
    """Return the tree and its places, or None when there is a finding of the right kind."""
    sink = Sink()
    found = parser(text, ORIGIN, sink)
    assert (found is None) == sink.has_errors
    for finding in sink.sorted():
        assert finding.code in {"DN4001", "DN4005"}
        assert 0 <= finding.span.start.offset <= finding.span.end.offset <= len(text)
        assert finding.message
        assert finding.help
    return found


@given(SEEDS, BUDGETS)
def test_a_sentence_parses(seed, budget):
    assert parsed(sentence(Random(seed), budget)) is not None


@given(SEEDS, BUDGETS)
def test_each_node_stands_inside_the_one_above_and_has_a_number_of_its_own(seed, budget):
    text = sentence(Random(seed), budget)
    found = parsed(text)
    nodes = list(walk(found.expr))
    assert len({node.id for node in nodes}) == len(nodes)
    for node in nodes:
        whole = found.spans[node.id]
        for part in children(node):
            inner = found.spans[part.id]
            assert whole.start <= inner.start < inner.end <= whole.end


@given(SEEDS, st.integers(1, 15), st.sampled_from(["({})", " {}\n", "[{}][0]", "// first\n{}//"]))
def test_what_stands_around_it_does_not_change_a_tree(seed, budget, around):
    text = sentence(Random(seed), budget)
    outer = parsed(around.format(text) if "{}" in around else around).expr
    inner = outer.args[0].items[0] if around.startswith("[") else outer
    assert inner == parsed(text).expr


@given(SEEDS, st.integers(1, 15))
def test_a_sentence_in_a_template_is_the_same_tree(seed, budget):
    text = sentence(Random(seed), budget).replace("// note }}", "// note")
    tree = parsed(text).expr
    assert parsed("${{" + text + "}}", parse_template_text).expr == tree
    both = parsed("x ${{ " + text + " }}${{ " + text + "\n}}", parse_template_text).expr
    assert isinstance(both, Call)
    assert both.function == INTERPOLATE
    assert both.args[1:] == (tree, tree)


@given(SEEDS, st.integers(1, 15), st.data())
def test_a_changed_sentence_is_a_tree_or_a_finding(seed, budget, data):
    text = sentence(Random(seed), budget)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        until = data.draw(st.integers(at, min(at + 4, len(text))))
        text = text[:at] + data.draw(st.sampled_from(("", *PIECES))) + text[until:]
    parsed(text)
    parsed("${{" + text, parse_template_text)
    parsed("a ${{ " + text + " }} b", parse_template_text)


@given(SEEDS, st.integers(1, 6))
def test_every_beginning_of_a_sentence_is_a_tree_or_a_finding(seed, budget):
    text = sentence(Random(seed), budget)
    for at in range(len(text)):
        parsed(text[:at])


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=30))
def test_any_text_is_a_tree_or_a_finding(text):
    for parser in (parse_expression, parse_template_text):
        parsed(text, parser)


def test_sentences_use_every_action_but_messages(monkeypatch):
    used = set()

    def noticing(name, action):
        def build(*args):
            used.add(name)
            return action(*args)

        return build

    seen = [
        (symbol, length, noticing(name, ACTIONS[name]) if name else None)
        for symbol, length, name in _grammar.RULES
    ]
    monkeypatch.setattr("dagnats.expr.syntax.parser._REDUCTIONS", seen)
    for seed in range(200):
        assert parsed(sentence(Random(seed), 30)) is not None
    assert set(ACTIONS) - used == {"message"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    ["(", "[", "{", "a?", "a?b:", "!", "-", "a.", "f(", "a.map(x,", '"""\n\\', "\\", "//", "1.",
     "a1", "a??", "1_", "a+", "a and ", "-1.f()+", "cel.index(0)+", "cel.block([1],", "`",
     " ", "1", "’"],
)  # fmt: skip
@pytest.mark.parametrize("last", ["", " x", ")", "@", "}}"])
def test_the_largest_texts_end_too(unit, last):
    # Quadratic time would show in pytest's limit, recursion as an error.
    parsed((unit * 16_384)[: 16_384 - len(last)] + last)
    parsed(f"${{{{{unit}" * 10_000 + last, parse_template_text)
