import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.regex import search
from dagnats.expr.values import EvaluationError

ATOMS = [
    "a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "^", r"\b", "(a|b)", "(ab)", "(?:a|bc|)", "(a*)",
]  # fmt: skip
COUNTS = ["", "*", "+", "?", "{2}", "{1,2}", "{2,}", "{0}", "*?"]


@given(
    st.lists(st.tuples(st.sampled_from(ATOMS), st.sampled_from(COUNTS)), min_size=1, max_size=4),
    st.text(alphabet="abc1 \n", max_size=8),
)
def test_it_finds_what_backtracking_finds(parts, text):
    pattern = "".join(atom + count for atom, count in parts)
    try:
        expected = bool(re.search(pattern, text))
    except re.error:  # Python repeats no anchor
        return
    assert search(pattern, text) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^a+$", "aaa", True),
        ("(?i)hello", "HeLLo", True),
        ("(?m)^x$", "a\nx\nb", True),
        ("[[:alpha:]]+[0-9]", "ab1", True),
        (r"\x41\.", "A.", True),
        ("(?P<year>[0-9]{4})", "in 1999", True),
        ("[]a]", "]", True),
        ("", "", True),
    ],
)
def test_what_re2_has(pattern, text, found):
    assert search(pattern, text) is found


@pytest.mark.parametrize(
    "pattern", ["(", ")", "[", "*", "a**", "(?=a)", r"(a)\1", "a{2000}", r"\p"]
)
def test_no_pattern(pattern):
    with pytest.raises(EvaluationError):
        search(pattern, "a")


def test_what_explodes_elsewhere_is_linear_here():
    assert not search("(a*)*b", "a" * 20_000)
    assert not search("(x+x+)+y", "x" * 20_000)
