import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.library import texts
from dagnats.expr.library.values import LIST_ITEMS_MAX, STRING_CHARS_MAX, EvaluationError
from dagnats.expr.syntax.literals import string

CALLS = {function.name: function.call for function in texts.FUNCTIONS}


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("contains", ("abc", ""), True),
        ("contains", ("abc", "bc"), True),
        ("contains", ("abc", "ac"), False),
        ("startsWith", ("ñu", "ñ"), True),
        ("startsWith", ("", "a"), False),
        ("endsWith", ("abc", "bc"), True),
        ("charAt", ("tacocat", 7), ""),
        ("charAt", ("©αT", 1), "α"),
        ("charAt", ("a😀b", 2), "b"),
        ("indexOf", ("tacocat", ""), 0),
        ("indexOf", ("tacocat", "none"), -1),
        ("indexOf", ("tacocat", "", 7), 7),
        ("indexOf", ("ta©o©αT", "©αT", 3), 4),
        ("indexOf", ("ta©o©αT", "©α", 5), -1),
        ("indexOf", ("tacocat", "t", 7), -1),
        ("lastIndexOf", ("", "@@"), -1),
        ("lastIndexOf", ("tacocat", ""), 7),
        ("lastIndexOf", ("tacocat", "", 3), 3),
        ("lastIndexOf", ("tacocat", "at"), 5),
        ("lastIndexOf", ("tacocat", "a", 4), 1),
        ("lastIndexOf", ("tacocat", "at", 5), 5),
        ("lastIndexOf", ("tacocat", "t", 7), -1),
        ("lastIndexOf", ("ta©o©αT", "©α", 4), 4),
        ("lowerAscii", ("TacoCÆt Xii",), "tacocÆt xii"),
        ("upperAscii", ("tacocæt ß",), "TACOCæT ß"),
        ("replace", ("hello hello", "he", "we"), "wello wello"),
        ("replace", ("hello hello", "he", "we", -7), "wello wello"),
        ("replace", ("hello hello", "he", "we", 1), "wello hello"),
        ("replace", ("hello hello", "he", "we", 0), "hello hello"),
        ("replace", ("hello", "", "_"), "_h_e_l_l_o_"),
        ("replace", ("hello", "", "_", 2), "_h_ello"),
        ("replace", ("hello", "l", ""), "heo"),
        ("split", ("a b c", " "), ["a", "b", "c"]),
        ("split", ("a b c", " ", 0), []),
        ("split", ("a b c", " ", 1), ["a b c"]),
        ("split", ("a b c", " ", 2), ["a", "b c"]),
        ("split", ("a b c", " ", -1), ["a", "b", "c"]),
        ("split", ("a b c", " ", 9), ["a", "b", "c"]),
        ("split", ("", ","), [""]),
        ("split", (",", ","), ["", ""]),
        ("split", ("añb", ""), ["a", "ñ", "b"]),
        ("split", ("abc", "", 2), ["a", "bc"]),
        ("split", ("abc", "", 9), ["a", "b", "c"]),
        ("split", ("", ""), []),
        ("split", ("", "", 1), []),
        ("substring", ("tacocat", 4), "cat"),
        ("substring", ("tacocat", 7), ""),
        ("substring", ("ta©o©αT", 2, 6), "©o©α"),
        ("substring", ("tacocat", 3, 3), ""),
        ("trim", (" \f\n\r\t\vtext\x85\u2028 ",), "text"),
        ("trim", ("\u200btext\ufeff",), "\u200btext\ufeff"),
        ("trim", ("\x1ctext",), "\x1ctext"),
        ("join", (["x", "y"],), "xy"),
        ("join", (["x", "y"], "-"), "x-y"),
        ("join", ([],), ""),
        ("join", ([], "/"), ""),
        ("strings.quote", ('a"\\\a\b\f\n\r\t\v',), r'"a\"\\\a\b\f\n\r\t\v"'),
        ("strings.quote", ("ta©o😀'",), '"ta©o😀\'"'),
        ("strings.quote", ("a\ud800b",), '"a\ufffdb"'),
    ],
)
def test_functions_on_texts(name, args, result):
    assert CALLS[name](*args) == result


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("charAt", ("tacocat", 8), "argument"),
        ("charAt", ("tacocat", -1), "argument"),
        ("charAt", ("tacocat", True), "type"),
        ("charAt", (42, 1), "type"),
        ("indexOf", ("tacocat", "a", 30), "argument"),
        ("indexOf", ("tacocat", "a", -1), "argument"),
        ("indexOf", ("tacocat", "", 30), "argument"),
        ("indexOf", ("tacocat", 1), "type"),
        ("lastIndexOf", ("tacocat", "a", 30), "argument"),
        ("lastIndexOf", ("tacocat", "a", -1), "argument"),
        ("substring", ("tacocat", 40), "argument"),
        ("substring", ("tacocat", -1), "argument"),
        ("substring", ("tacocat", 1, 50), "argument"),
        ("substring", ("tacocat", 3, 2), "argument"),
        ("substring", ("tacocat", 0, False), "type"),
        ("substring", (30, 1), "type"),
        ("replace", ("42", "2", "1", "1"), "type"),
        ("replace", ("a" * 1_000, "", "b" * 1_000), "size"),
        ("split", ("42", 2), "type"),
        ("split", ("a" * (LIST_ITEMS_MAX + 1), ""), "size"),
        ("join", (["a", 1],), "type"),
        ("join", ("ab",), "type"),
        ("join", (["a" * STRING_CHARS_MAX, "b"],), "size"),
        ("trim", (b"a",), "type"),
        ("strings.quote", (1,), "type"),
        ("contains", ("a", 1), "type"),
    ],
)
def test_what_they_refuse(name, args, code):
    with pytest.raises(EvaluationError) as raised:
        CALLS[name](*args)
    assert raised.value.code == code


@given(st.text(alphabet="ab,;é", max_size=20), st.sampled_from([",", ";", ",;", "a"]))
def test_what_is_split_joins_again(text, separator):
    assert texts.join_texts(texts.split(text, separator), separator) == text


@given(st.text(alphabet="ab,", max_size=12), st.integers(min_value=1, max_value=6))
def test_split_gives_no_more_than_asked_for(text, limit):
    parts = texts.split(text, ",", limit)
    assert len(parts) <= limit
    assert ",".join(parts) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_reads_back(text):
    assert string(texts.quote(text)) == text


@given(st.text(alphabet="abé", max_size=10), st.text(alphabet="abé", min_size=1, max_size=2))
def test_the_last_place_is_the_greatest_and_the_first_the_least(text, part):
    places = [at for at in range(len(text)) if text.startswith(part, at)]
    assert texts.index_of(text, part) == min(places, default=-1)
    assert texts.last_index_of(text, part) == max(places, default=-1)
