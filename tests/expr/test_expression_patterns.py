import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import NONE, Present
from dagnats.expr.library import patterns
from dagnats.expr.library.patterns import check_pattern, matches
from dagnats.expr.library.values import EvaluationError

pytestmark = pytest.mark.slow

CALLS = {function.name: function.call for function in patterns.FUNCTIONS}
ATOMS = [
    "a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "^", r"\b", "(a|b)", "(ab)", "(?:a|bc|)", "(a*)",
]  # fmt: skip
COUNTS = ["", "*", "+", "?", "{2}", "{1,2}", "{2,}", "{0}", "*?"]
PATTERNS = st.lists(
    st.tuples(st.sampled_from(ATOMS), st.sampled_from(COUNTS)), min_size=1, max_size=4
).map(lambda parts: "".join(atom + count for atom, count in parts))


@given(PATTERNS, st.text(alphabet="abc1 \n", max_size=8))
def test_it_finds_what_backtracking_finds(pattern, text):
    try:
        expected = bool(re.search(pattern, text))
    except re.error:  # Python repeats no anchor
        return
    assert matches(text, pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^a+$", "aaa", True),
        ("(?i)hello", "HeLLo", True),
        ("(?m)^x$", "a\nx\nb", True),
        ("^x$", "a\nx\nb", False),
        ("[[:alpha:]]+[0-9]", "ab1", True),
        (r"\x41\.", "A.", True),
        ("(?P<year>[0-9]{4})", "in 1999", True),
        ("[]a]", "]", True),
        ("", "", True),
        ("a+ñ+a+", "mañana", True),
        ("^(a|😀){2}$", "😀😀", True),
        ("^.$", "é", True),
        (r"\p{Greek}", "α", True),
        (r"\d", "٣", False),
        (r"^\Qa\C\E$", r"a\C", True),
        (r"\\C", r"\C", True),
        ("a\x00b", "a\x00b", True),
        ("^.$", "\ud800", True),
        ("x" * 3_000, "y", False),
    ],
)
def test_what_re2_has(pattern, text, found):
    assert matches(text, pattern) is found
    assert check_pattern(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "`(` is never closed"),
        (")", "`)` closes nothing"),
        ("[", "`[` is never closed"),
        ("*", "nothing to repeat before `*`"),
        ("a**", "`**` repeats a repetition"),
        ("(?=a)", "there is no `(?=`; nothing looks ahead or behind"),
        (r"(a)\1", r"there is no escape `\1`"),
        (r"a\C", r"there is no escape `\C`"),
        ("a{2000}", "`{2000}` repeats too often"),
        ("((a{100}){100}){100}", "`{100}` repeats too often"),
        ("[b-a]", "there are no such characters: `b-a`"),
        ("[[:foo:]]", "there are no such characters: `[:foo:]`"),
        (r"\p{Foo}", r"there are no such characters: `\p{Foo}`"),
        ("a\\", "`\\` at the end escapes nothing"),
        ("(?P<n", "`(?P<n` does not name a group"),
        (r"\pL{900}", "it is too large"),
        ("x" * 5_000, "it is longer than 4096 characters"),
    ],
)
def test_no_pattern(pattern, why, capfd):
    with pytest.raises(EvaluationError) as raised:
        matches("a", pattern)
    assert raised.value.code == "argument"
    assert str(raised.value).endswith(f"is no pattern: {why}")
    assert check_pattern(pattern) == str(raised.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 100_000 + "b"),
        ("(a*)*b", "a" * 100_000),
        ("(x+x+)+y", "x" * 100_000),
        ("(a|aa|aaa)*c", "a" * 100_000),
        ("(a?){500}a{500}b", "a" * 20_000),
        ("(a|b)*a(a|b){300}z", "ab" * 10_000),
    ],
)
def test_what_explodes_elsewhere_is_linear_here(pattern, text):
    assert not matches(text, pattern)
    assert CALLS["regex.replace"](text, pattern, "") == text


def test_what_may_take_too_many_steps_is_refused():
    for name, args in {
        "matches": ("a" * 1_000_000, "[ab]{1000}" * 9),
        "regex.extractAll": ("a" * 300_000, "a.*z|a"),
        "regex.replace": ("a" * 300_000, "a.*z|a", ""),
    }.items():
        with pytest.raises(EvaluationError) as raised:
            CALLS[name](*args)
        assert raised.value.code == "cost"


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("hello world", "hello(.*)", " world"),
        ("item-A, item-B", r"item-(\w+)", "A"),
        ("HELLO", "hello", None),
        ("héllo", ".llo", "éllo"),
        ("b", "a*", ""),
        ("b", "(a*)b", None),
        ("b", "(a)?b", None),
        ("ab", "(?:a)(b)", "b"),
    ],
)
def test_extract(text, pattern, found):
    result = CALLS["regex.extract"](text, pattern)
    assert result is NONE if found is None else type(result) is Present and result.value == found


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("id:123, id:456", r"id:\d+", ["id:123", "id:456"]),
        ("id:123, id:456", r"id:(\d+)", ["123", "456"]),
        ("id:, id:456", r"id:(\d*)", ["456"]),
        ("id:123", "assa", []),
        ("baaac", "a*", ["", "aaa", ""]),
        ("héé", "", ["", "", "", ""]),
        ("añoñ", "ñ|o", ["ñ", "o", "ñ"]),
        ("foo bar", r"\b", ["", "", "", ""]),
    ],
)
def test_extract_all(text, pattern, found):
    assert CALLS["regex.extractAll"](text, pattern) == found


@pytest.mark.parametrize(
    ("args", "result"),
    [
        (("hello world hello", "hello", "hi"), "hi world hi"),
        (("banana", "a", "x", 0), "banana"),
        (("banana", "a", "x", 1), "bxnana"),
        (("banana", "a", "x", 2), "bxnxna"),
        (("banana", "a", "x", 9), "bxnxnx"),
        (("banana", "a", "x", -12), "bxnxnx"),
        (("foo bar", "(fo)o (ba)r", r"\2 \1"), "ba fo"),
        (("foo", "o", r"<\0>"), "f<o><o>"),
        (("foo", "o", r"\\"), "f\\\\"),
        (("foo", "o", "$1"), "f$1$1"),
        (("ab", "(a)|b", r"[\1]"), "[a][]"),
        (("abc", "", "-"), "-a-b-c-"),
        (("baaac", "a*", "x"), "xbxcx"),
        (("añb", "ñ", "nn"), "annb"),
        (("banana", "(", "x", 0), "banana"),
        (("b", "a", "\\"), "b"),
        (("", "^$", "x"), "x"),
    ],
)
def test_replace(args, result):
    assert CALLS["regex.replace"](*args) == result


@pytest.mark.parametrize(
    ("name", "args", "code"),
    [
        ("matches", ("a", 1), "type"),
        ("matches", (b"a", "a"), "type"),
        ("regex.extract", ("a@b", "(.*)@([^.]*)"), "argument"),
        ("regex.extract", ("a", "("), "argument"),
        ("regex.extract", (1, "a"), "type"),
        ("regex.extractAll", ("a@b", "(.*)@([^.]*)"), "argument"),
        ("regex.extractAll", ("a", None), "type"),
        ("regex.replace", ("test", "(.)", r"\2"), "argument"),
        ("regex.replace", ("id=1", r"id=(?P<value>\d+)", r"value: \values"), "argument"),
        ("regex.replace", ("a", "a", "\\"), "argument"),
        ("regex.replace", ("a", "a", r"\٣"), "argument"),
        ("regex.replace", ("a", "(", "b"), "argument"),
        ("regex.replace", ("a", "a", "b", 1.0), "type"),
        ("regex.replace", ("a" * 2_000, "a", "b" * 2_000), "size"),
    ],
)
def test_what_they_refuse(name, args, code):
    with pytest.raises(EvaluationError) as raised:
        CALLS[name](*args)
    assert raised.value.code == code


def test_few_patterns_are_kept():
    for number in range(500):
        assert matches(f"a{number}", f"^a{number}$")
    assert patterns._compiled.cache_info().currsize <= patterns.PATTERNS_MAX


@given(PATTERNS, st.text(alphabet="abcé\ud800", max_size=8), st.integers(-1, 3))
def test_replacing_by_the_match_itself_changes_nothing(pattern, text, limit):
    try:
        found = CALLS["regex.replace"](text, pattern, r"\0", limit)
    except EvaluationError:  # RE2 repeats no anchor
        return
    assert found == (text if limit == 0 else text.replace("\ud800", "\ufffd"))
