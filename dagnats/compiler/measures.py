"""Worst cases as numbers that remember where they come from.

A measure is a number, the greatest terms of the polynomial behind it, and the step with the
greatest share. Sums, multiples and choices of measures are measures; at each level only
`TERMS_SHOWN_MAX` terms are kept, the others go into the constant, so work is linear in the steps.

    14 + 11·l.max_iterations     =  91, most of it from `l`
"""

from collections.abc import Iterable, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Final, NamedTuple

from dagnats.ir.program import Bound

TERMS_SHOWN_MAX: Final = 6
"""Terms that a polynomial names; the others go into its constant."""

MOST: Final = 2**63 - 1
"""No measure is larger: what would be is more than any engine takes."""


class Term(NamedTuple):
    """A coefficient times sizes that the document names, and what that comes to."""

    value: int
    coefficient: int
    sizes: tuple[str, ...]


class Measure(NamedTuple):
    """A worst case. `share` is what the step `step` alone has of it."""

    value: int = 0
    terms: tuple[Term, ...] = ()
    share: int = 0
    step: str | None = None

    @property
    def constant(self) -> int:
        """What no size is a factor of."""
        return self.value - sum(term.value for term in self.terms)

    @property
    def bound(self) -> Bound:
        """Return it as a certificate has it."""
        return Bound(self.value, self.symbolic, self.step if self.share else None)

    @property
    def symbolic(self) -> str:
        """Return the polynomial, what it takes away last: a loop waits once less than it runs."""
        terms = [(t.coefficient, f"{abs(t.coefficient)}·{'·'.join(t.sizes)}") for t in self.terms]
        constant = self.constant
        parts = [(constant, f"{abs(constant)}"), *terms] if constant or not terms else terms
        added = " + ".join(text for number, text in parts if number >= 0)
        return " - ".join([added, *[text for number, text in parts if number < 0]])


ZERO: Final = Measure()


def plain(value: int, step: str | None = None) -> Measure:
    """Return a number that a step is the reason of."""
    value = min(value, MOST)
    return Measure(value, (), value if step else 0, step)


def total(measures: Iterable[Measure], fixed: int = 0) -> Measure:
    """Return the sum; `fixed` is nobody's share."""
    value, share, step = fixed, 0, None
    terms: list[Term] = []
    for measure in measures:
        value += measure.value
        if measure.terms:
            terms += measure.terms
        if measure.share > share:
            share, step = measure.share, measure.step
    if value >= MOST:
        return Measure(MOST, (), min(share, MOST), step)
    return Measure(value, _greatest(terms), share, step)


def _greatest(terms: list[Term]) -> tuple[Term, ...]:
    """Keep the greatest terms, in the order of the document."""
    if len(terms) <= TERMS_SHOWN_MAX:
        return tuple(terms)
    kept = nlargest(TERMS_SHOWN_MAX, enumerate(terms), key=lambda pair: (pair[1].value, -pair[0]))
    return tuple(term for _, term in sorted(kept, key=itemgetter(0)))


def repeated(measure: Measure, times: int, size: str) -> Measure:
    """Return a measure as often as `size` says, which is `times`."""
    value = measure.value * times
    if value >= MOST:
        return Measure(MOST, (), min(measure.share * times, MOST), measure.step)
    constant = measure.constant
    own = (Term(constant * times, constant, (size,)),) if constant else ()
    inner = (Term(t.value * times, t.coefficient, (size, *t.sizes)) for t in measure.terms)
    terms = _greatest([*own, *inner])
    return Measure(value, terms, measure.share * times, measure.step)


def most(measures: Sequence[Measure]) -> Measure:
    """Return the greatest of some, the first one of equals; nothing of none."""
    return max(measures, key=lambda measure: measure.value, default=ZERO)
