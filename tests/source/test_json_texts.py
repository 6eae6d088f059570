"""What is said of texts that are meant as JSON."""

import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.source.document import to_json
from dagnats.source.json_text import PROBLEMS_MAX
from dagnats.source.reader import read
from tests.source.reading import apply, part, shown

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def judge(text, file="a.json"):
    sink = Sink()
    document = read(text, file, sink)
    return document, sink.sorted()


@pytest.mark.parametrize(
    ("text", "place", "message", "mended"),
    [
        ('{"a": 1,}', "1:8-1:9", "JSON has no comma", '{"a": 1}'),
        ('{"a": [1, 2 , ]}', "1:13-1:14", "JSON has no comma", '{"a": [1, 2  ]}'),
        ('{"a": [1, // b\n]}', "1:9-1:10", "JSON has no comma", None),
        ('{"a": 1} // b', "1:10-1:14", "JSON has no comments", '{"a": 1} '),
        ('{"a": /* b\n// c */ 1}', "1:7-2:8", "JSON has no comments", '{"a":  1}'),
        ('{"a": 1 # b\n}', "1:9-1:12", "JSON has no comments", '{"a": 1 \n}'),
        ("{'a': 1}", "1:2-1:5", "JSON has no single quotes", '{"a": 1}'),
        ('{"a": \'b"c\'}', "1:7-1:12", "JSON has no single quotes", '{"a": "b\\"c"}'),
        ("{a: 1}", "1:2-1:3", "`a` stands without quotes", '{"a": 1}'),
        ('{"a": yes}', "1:7-1:10", "`yes` stands without quotes", '{"a": "yes"}'),
        ('{"a": True}', "1:7-1:11", "`True` stands without quotes", '{"a": "True"}'),
        ('{"a": 0777}', "1:7-1:11", "`0777` is no number of JSON", None),
        ('{"a": +1}', "1:7-1:9", "`+1` is no number of JSON", None),
        ('{"a": .5}', "1:7-1:9", "`.5` is no number of JSON", None),
        ('{"a": 1.}', "1:7-1:9", "`1.` is no number of JSON", None),
        ('{"a": 0x1F}', "1:7-1:11", "`0x1F` is no number of JSON", None),
        ('{"a": "b\tc"}', "1:9-1:10", "the character U+0009 stands in a text", None),
        ('{"a": "b" "c": 1}', "1:11-1:12", "this is not JSON: expecting", None),
        ('\ufeff{"a"}', "1:5-1:6", "this is not JSON: expecting ':'", None),
        ("a: 1\n", "1:1-1:2", "this is not JSON: expecting value", None),
    ],
)
def test_a_json_file_holds_json(text, place, message, mended):
    _, findings = judge(text)
    finding = next(f for f in findings if f.message.startswith(message))
    assert (finding.code, shown(finding.span), finding.severity) == ("DN1029", place, ERROR)
    assert finding.help
    if mended is not None:
        assert apply(text, finding.fixes[0]) == mended
        assert judge(mended)[1] == ()


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "+Infinity"])
@pytest.mark.parametrize("file", ["a.json", "a.yaml"])
def test_what_is_no_number_is_refused(word, file):
    text = f'{{"a": [{word}]}}'
    _, (finding,) = judge(text, file)
    assert (finding.code, part(text, finding.span), finding.severity) == ("DN1010", word, ERROR)


@pytest.mark.parametrize(
    ("text", "severity"),
    [('{"a": 1,}', WARNING), ('{"a": 1} # b', WARNING), ('{"a": 1 // b\n}', ERROR)],
)
def test_what_only_looks_like_json_is_refused_where_yaml_reads_it_differently(text, severity):
    document, (finding,) = judge(text, "a.yaml")
    assert (finding.code, finding.severity) == ("DN1029", severity)
    assert to_json(document.root) == {"a": 1}


def test_foreign_comments_move_nothing():
    text = '{"a": /* 😀\n */ "b", // c\n"d": 1}'
    document, _ = judge(text)
    assert to_json(document.root) == {"a": "b", "d": 1}
    assert shown(document.root.entry("d").key_span) == "3:1-3:4"
    assert document.text == text


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "b // c", "d": "/* */", "e": "#", "f": ",]", "g": "\'"}',
        '{"a": [1, -0.5e-3, 0, true, false, null, "\\u00e9\\"\\\\"]}',
        '\ufeff {"a": {}}\n',
        "[]",
        '"a"',
    ],
)
def test_json_draws_nothing(text):
    assert judge(text)[1] == ()


@pytest.mark.parametrize("text", ["{a: 1, }\n", "{ # b\n a: 'c'}\n", "{'a': NaN}\n"])
def test_brackets_of_yaml_are_not_taken_for_json(text):
    assert judge(text, "a.yaml")[1] == ()


def test_one_text_draws_so_many_and_no_more():
    _, findings = judge('{"a": [' + "1,]," * (PROBLEMS_MAX + 5))
    assert len([f for f in findings if "comma" in f.message]) == PROBLEMS_MAX


def test_what_json_says_explains_why_yaml_stopped():
    _, findings = judge('{"a": 1 /* b */ "c": 2,}')
    assert {finding.code for finding in findings} == {"DN1029"}


@pytest.mark.parametrize("number", ["9007199254740993", "-9223372036854775808", "1e308"])
def test_numbers_keep_their_value(number):
    assert to_json(judge(f'{{"a": {number}}}')[0].root) == {
        "a": float(number) if "e" in number else int(number)
    }


@pytest.mark.parametrize("number", ["9223372036854775808", "1e309", "9" * 5000])
def test_numbers_beyond_are_refused(number):
    text = f'{{"a": {number}}}'
    _, (finding,) = judge(text)
    assert (finding.code, part(text, finding.span)) == ("DN1010", number)


@pytest.mark.parametrize("escape", ["\\ud83d", "\\ude00", "\\ude00\\ud83d", "\\uDBFF x"])
def test_half_of_a_pair_is_refused(escape):
    document, findings = judge(f'{{"a": "{escape}"}}')
    assert document is None or to_json(document.root) != {"a": ""}
    assert [finding.code for finding in findings][:1] == ["DN1002"]
