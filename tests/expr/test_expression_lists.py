import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import (
    NONE,
    TRUE_KEY,
    Address,
    Duration,
    Present,
    Timestamp,
    TypeValue,
    Uint,
)
from dagnats.expr.library import lists, sets
from dagnats.expr.library.values import LIST_ITEMS_MAX, EvaluationError

CALLS = {function.name: function.call for function in (*lists.FUNCTIONS, *sets.FUNCTIONS)}
NAN = float("nan")
HOME = Address(ipaddress.ip_address("::1"))


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("distinct", ([],), []),
        ("distinct", ([1, 2, 2, 3, 1],), [1, 2, 3]),
        ("distinct", (["b", "b", "c", "a", "c"],), ["b", "c", "a"]),
        ("distinct", ([1, "1", True, b"1"],), [1, "1", True, b"1"]),
        ("distinct", ([2.0, 2, Uint(2)],), [2.0]),
        ("distinct", ([[1], [1.0], [1, 2]],), [[1], [1, 2]]),
        ("distinct", ([{"a": 1, "b": 2}, {"b": 2, "a": 1}, {}],), [{"a": 1, "b": 2}, {}]),
        ("distinct", ([{1: 1}, {Uint(1): 1}, {TRUE_KEY: 1}],), [{1: 1}, {TRUE_KEY: 1}]),
        ("distinct", ([None, None, [], {}, NONE, ""],), [None, [], {}, NONE, ""]),
        ("distinct", ([Duration(1), Timestamp(1), Duration(1)],), [Duration(1), Timestamp(1)]),
        ("distinct", ([TypeValue("int"), TypeValue("int"), HOME, HOME],), [TypeValue("int"), HOME]),
        ("reverse", ([5, 3, 1, 2],), [2, 1, 3, 5]),
        ("reverse", ("©αT",), "Tα©"),
        ("reverse", ([],), []),
        ("sort", ([],), []),
        ("sort", ([3, 2, 1],), [1, 2, 3]),
        ("sort", (["b", "c", "a"],), ["a", "b", "c"]),
        ("sort", (["\U0001f600", "\uffff"],), ["\uffff", "\U0001f600"]),
        ("sort", ([True, False],), [False, True]),
        ("sort", ([b"b", b"a"],), [b"a", b"b"]),
        ("sort", ([Duration(2), Duration(-1)],), [Duration(-1), Duration(2)]),
        ("sort", ([Timestamp(2), Timestamp(1)],), [Timestamp(1), Timestamp(2)]),
        ("sort", ([Uint(2), Uint(1)],), [Uint(1), Uint(2)]),
        ("sort", ([1.5, 1, float("inf"), -2],), [-2, 1, 1.5, float("inf")]),
        ("slice", ([1, 2, 3, 4], 1, 3), [2, 3]),
        ("slice", ([1, 2], 2, 2), []),
        ("flatten", ([1, [2, 3], [4]],), [1, 2, 3, 4]),
        ("flatten", ([1, [2, [3, 4]]],), [1, 2, [3, 4]]),
        ("flatten", ([1, 2, [], [], [3, 4]],), [1, 2, 3, 4]),
        ("flatten", ([1, [2, [3, [4]]]], 2), [1, 2, 3, [4]]),
        ("flatten", ([1, [2]], 0), [1, [2]]),
        ("flatten", ([1, [2, [3]], 4], 2**63 - 1), [1, 2, 3, 4]),
        ("lists.range", (3,), [0, 1, 2]),
        ("lists.range", (0,), []),
        ("sets.contains", ([], []), True),
        ("sets.contains", ([], [1]), False),
        ("sets.contains", ([1, 2.0, Uint(3)], [1.0, Uint(2), 3]), True),
        ("sets.contains", ([[1, 2], {"a": [1]}], [{"a": [Uint(1)]}]), True),
        ("sets.contains", ([1], [True]), False),
        ("sets.contains", ([NAN], [NAN]), False),
        ("sets.equivalent", ([], []), True),
        ("sets.equivalent", ([1], [1, 1]), True),
        ("sets.equivalent", ([1, 2, 3], [Uint(3), 2.0, 1]), True),
        ("sets.equivalent", ([1, 2], [1]), False),
        ("sets.intersects", ([1], []), False),
        ("sets.intersects", ([1], [1, 2]), True),
        ("sets.intersects", ([[1], [2, 3]], [[1, 2], [2, 3.0]]), True),
        ("sets.intersects", ([1], ["1"]), False),
    ],
)  # fmt: skip
def test_functions_on_lists(name, args, result):
    found = CALLS[name](*args)
    assert found == result
    if type(found) is list:
        assert list(map(type, found)) == list(map(type, result))


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("sort", ([1, "b"],), "type"),
        ("sort", ([[1, 2, 3]],), "type"),
        ("sort", ([None],), "type"),
        ("sort", ([{}],), "type"),
        ("sort", ([1, Uint(2)],), "type"),
        ("sort", ([1, True],), "type"),
        ("sort", ([1.0, NAN],), "argument"),
        ("sort", ("ba",), "type"),
        ("slice", ([1, 2, 3], -1, 2), "argument"),
        ("slice", ([1, 2, 3], 2, 1), "argument"),
        ("slice", ([1, 2, 3], 0, 4), "argument"),
        ("slice", ([1, 2, 3], 0, 1.0), "type"),
        ("flatten", ([], -1), "argument"),
        ("flatten", (1,), "type"),
        ("flatten", ([[0] * LIST_ITEMS_MAX],), "size"),
        ("lists.range", (-1,), "argument"),
        ("lists.range", (LIST_ITEMS_MAX + 1,), "size"),
        ("lists.range", (1.0,), "type"),
        ("distinct", ({},), "type"),
        ("reverse", (1,), "type"),
        ("first", ("a",), "type"),
        ("sets.contains", ([], {}), "type"),
        ("sets.equivalent", (1, []), "type"),
        ("sets.intersects", ([], "a"), "type"),
    ],
)
def test_what_they_refuse(name, args, code):
    with pytest.raises(EvaluationError) as raised:
        CALLS[name](*args)
    assert raised.value.code == code


def test_the_ends_of_a_list():
    for name, value in {"first": 1, "last": 3}.items():
        found = CALLS[name]([1, 2, 3])
        assert type(found) is Present
        assert found.value == value
        assert CALLS[name]([]) is NONE


def test_what_is_equal_stays_in_its_order_when_sorted_by_keys():
    people = ["ann", "bob", "cy", "di"]
    assert lists.sort_by(people, [3, 3, 2, 2]) == ["cy", "di", "ann", "bob"]
    with pytest.raises(EvaluationError):
        lists.sort_by(people, [3, "a", 2, 2])
    with pytest.raises(EvaluationError):
        lists.sort_by(people, [None] * 4)


def test_scalars_in_great_numbers_are_told_apart():
    many = list(range(200_000))
    assert lists.distinct(many * 2) == many
    assert sets.equivalent(many, many[::-1])
    assert not sets.intersects(many, [-value - 1 for value in many])


@pytest.mark.parametrize(
    "make", [lambda inner: [inner, inner], lambda inner: {"a": inner, "b": inner}]
)
def test_what_stands_in_many_places_is_looked_at_once(make):
    one, other = make(1), make(1)
    for _ in range(100):
        one, other = make(one), make(other)
    assert lists.distinct([one, other]) == [one]


def test_empty_lists_without_end_are_bounded():
    value = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(EvaluationError) as raised:
        lists.flatten(value, 100)
    assert raised.value.code == "size"


@pytest.mark.slow
def test_lists_that_are_nested_too_deep_are_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(EvaluationError) as raised:
        lists.distinct([value, value])
    assert raised.value.code == "size"


NUMBERS = st.lists(st.integers(-5, 5) | st.floats(-5, 5).map(float))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5, "a", b"a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
)


@given(NUMBERS)
def test_sorting_orders_and_loses_nothing(items):
    found = lists.sort(items)
    assert all(left <= right for left, right in itertools.pairwise(found))
    assert sorted(map(repr, found)) == sorted(map(repr, items))


@given(st.lists(VALUES, max_size=6))
def test_distinct_keeps_what_equals_nothing_before(items):
    from dagnats.expr.library.values import equal

    expected = []
    for item in items:
        if not any(equal(item, other) for other in expected):
            expected.append(item)
    assert repr(lists.distinct(items)) == repr(expected)


@given(st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_sets_are_told_apart_as_values_are(left, right):
    from dagnats.expr.library.values import equal

    def among(item, items):
        return any(equal(item, other) for other in items)

    assert sets.contains(left, right) == all(among(item, left) for item in right)
    assert sets.intersects(left, right) == any(among(item, right) for item in left)
