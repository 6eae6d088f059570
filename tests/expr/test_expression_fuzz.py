"""Whatever text meets whatever data: a value, or one of the two typed errors, in bounds.

What is promised, and how texts are made, stands in `fuzz.py`; `make fuzz` goes on for longer.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.expr import fuzz, sentences
from tests.expr.typed_sentences import data, mutated, sentence, soup

pytestmark = pytest.mark.slow

BOUNDED = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TYPED, DYNAMIC = fuzz.TYPED, fuzz.DYNAMIC


@BOUNDED
@given(st.randoms(use_true_random=False))
def test_typed_expressions_keep_their_promises(chance: Random) -> None:
    fuzz.attempt(sentence(chance), data(chance), TYPED)


@BOUNDED
@given(st.randoms(use_true_random=False))
def test_untyped_expressions_keep_their_promises(chance: Random) -> None:
    fuzz.attempt(sentence(chance, typed=False), data(chance), DYNAMIC)


@BOUNDED
@given(st.randoms(use_true_random=False))
def test_broken_expressions_keep_their_promises(chance: Random) -> None:
    fuzz.attempt(mutated(chance, sentence(chance)), data(chance), TYPED)


@BOUNDED
@given(st.randoms(use_true_random=False), st.integers(1, 30))
def test_sentences_of_the_grammar_keep_their_promises(chance: Random, budget: int) -> None:
    fuzz.attempt(sentences.sentence(chance, budget), fuzz.any_data(chance), DYNAMIC)


@BOUNDED
@given(st.randoms(use_true_random=False))
def test_tokens_in_no_order_keep_their_promises(chance: Random) -> None:
    fuzz.attempt(soup(chance), data(chance), DYNAMIC)


@BOUNDED
@given(st.text(max_size=60))
def test_any_text_keeps_its_promises(text: str) -> None:
    fuzz.attempt(text, {"x": 1}, DYNAMIC)


def test_most_sentences_compile_so_that_the_functions_are_reached() -> None:
    chance = Random("a fixed one")
    texts = [sentence(chance) for _ in range(150)]
    assert sum(fuzz.compiled(text, TYPED) is not None for text in texts) > len(texts) / 3


@pytest.mark.parametrize("seed", range(3))
def test_a_try_is_made_again_from_its_seed(seed: int) -> None:
    first, second = (fuzz.made(Random(f"{seed}/0")) for _ in range(2))
    assert first == second
