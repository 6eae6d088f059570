"""Whatever does not fit is told, and nothing else is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.compiler.fit import leaving, misfits
from dagnats.expr.ast import Literal
from dagnats.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
    Enum,
    List,
    Map,
    Object,
    Optional,
    Type,
    assignable,
    union,
)

SCALARS = st.sampled_from([BOOL, DOUBLE, DYN, INT, NULL, STRING, Enum(("a",)), Enum(("a", "b"))])


def objects(types: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.dictionaries(st.sampled_from("abc"), st.tuples(types, st.booleans()), max_size=3)
    return st.builds(Object, fields, closed=st.booleans())


TYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(List, inner),
        st.builds(Map, inner),
        st.builds(Optional, inner),
        objects(inner),
        st.lists(inner, min_size=2, max_size=3).map(union),
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(TYPES, TYPES)
def test_there_is_a_misfit_exactly_where_it_does_not_fit(given_: Type, wanted: Type) -> None:
    found = list(misfits(Literal(None), given_, wanted))
    assert bool(found) is not assignable(leaving(given_), wanted)
    assert all(misfit.message for misfit in found)


def of(**fields: Type) -> Object:
    return Object({name: (type_, True) for name, type_ in fields.items()})


A, B, OTHER = of(a=INT), of(a=STRING), of(b=INT)


@pytest.mark.parametrize(
    ("given_", "wanted", "message"),
    [
        (union((A, B)), A, "`a` must be an int, not a string"),
        (union((OTHER, of(a=INT, b=INT))), A, "the input takes no `b`"),
        (union((of(), A)), A, "the input lacks `a`"),
        (union((A, B, NULL)), A, "the input must be an object, not null"),
        (union((A, NULL)), A, "the input must be an object, not object | null"),
        (B, union((A, OTHER)), "`a` must be an int, not a string"),
        (union((A, B)), union((A, OTHER)), "`a` must be an int, not a string"),
        (List(B), List(A), "`[i].a` must be an int, not a string"),
        (List(union((A, B))), List(A), "`[i].a` must be an int, not a string"),
        (union((List(A), List(B))), List(A), "`[i].a` must be an int, not a string"),
        (Map(B), Map(A), "`[key].a` must be an int, not a string"),
        (of(x=union((B, A))), of(x=A), "`x.a` must be an int, not a string"),
        (List(INT), List(STRING), "the input must be a list(string), not a list(int)"),
    ],
)
def test_two_of_one_name_are_told_apart(given_: Type, wanted: Type, message: str) -> None:
    assert [misfit.message for misfit in misfits(Literal(None), given_, wanted)] == [message]
