"""What `<<` brings, in which order, and what a finding about it says."""

import pytest

from dagnats.diagnostics.diagnostic import Diagnostic
from dagnats.diagnostics.places import Places
from dagnats.source import reader
from dagnats.source.document import to_json
from dagnats.source.merging import LABELS_MAX, ORIGINS_MAX, label_merges
from tests.source.reading import clean, part, read_text, shown

A = "x: &a {k: 1, l: 2}\n"
AB = A + "y: &b {l: 3, m: 4}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"{A}r: {{<<: *a}}\n", {"k": 1, "l": 2}),
        (f"{A}r: {{<<: *a, k: 5}}\n", {"l": 2, "k": 5}),
        (f"{A}r: {{k: 5, <<: *a}}\n", {"k": 5, "l": 2}),
        (f"{A}r:\n  z: 0\n  <<: *a\n  n: 9\n", {"z": 0, "k": 1, "l": 2, "n": 9}),
        (f"{A}r: {{<<: [*a]}}\n", {"k": 1, "l": 2}),
        ("r: {<<: {k: 1}, l: 2}\n", {"k": 1, "l": 2}),
        ("r: {<<: [{k: 1}, {l: 2}]}\n", {"k": 1, "l": 2}),
        ("r: {<<: {}}\n", {}),
        ("r: {<<: {<<: {k: 1}, l: 2}, m: 3}\n", {"k": 1, "l": 2, "m": 3}),
        (f"{A}y: &b {{<<: *a, k: 7}}\nr: {{<<: *b}}\n", {"l": 2, "k": 7}),
        ("r: {'<<': {k: 1}}\n", {"<<": {"k": 1}}),
        ('r: {"<<": 1}\n', {"<<": 1}),
        ("r: [<<]\n", ["<<"]),
    ],
)
def test_a_merge_brings_what_is_not_there(text, value):
    found = to_json(clean(text).root.get("r"))
    assert found == value
    assert list(found) == list(value)


def test_of_several_the_first_wins_and_says_so():
    document, (finding,) = read_text(f"{AB}r: {{<<: [*a, *b]}}\n")
    assert to_json(document.root.get("r")) == {"k": 1, "l": 2, "m": 4}
    assert finding.code == "DN1025"
    assert [(shown(label.span), label.message) for label in finding.labels] == [
        ("1:14-1:15", "this one counts"),
        ("2:8-2:9", "this one does not"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"{AB}r: {{<<: [*a, *b], l: 0}}\n",
        f"{A}r: {{<<: [*a, *a]}}\n",
        "x: &v 1\nr: {<<: [{k: *v}, {k: *v}]}\n",
    ],
)
def test_nothing_is_said_where_it_does_not_matter(text):
    clean(text)


def test_merged_entries_stand_where_they_were_written():
    text = f"{A}r: {{<<: *a, m: 1}}\n"
    first, second, own = clean(text).root.get("r").entries
    assert [shown(e.key_span) for e in (first, second, own)] == [
        "1:8-1:9",
        "1:14-1:15",
        "2:13-2:14",
    ]
    assert [part(text, e.value.span) for e in (first, second, own)] == ["1", "2", "1"]
    assert [[shown(at) for at in e.merged] for e in (first, second, own)] == [
        ["2:5-2:7"],
        ["2:5-2:7"],
        [],
    ]


def test_what_was_written_is_kept_beside():
    node = clean(f"{A}r: {{<<: *a, m: 1}}\n").root.get("r")
    assert [entry.key for entry in node.written] == ["<<", "m"]
    assert [entry.key for entry in node.entries] == ["k", "l", "m"]


def test_a_merge_of_a_merge_remembers_both_nearest_first():
    text = f"{A}y: &b {{<<: *a}}\nr: {{<<: *b}}\n"
    entry = clean(text).root.get("r").entry("k")
    assert [shown(at) for at in entry.merged] == ["3:5-3:7", "2:8-2:10"]


def test_so_many_merges_are_remembered_and_no_more():
    count = ORIGINS_MAX + 2
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, count + 1)]
    root = clean("\n".join([*lines, f"r: {{<<: *a{count}}}", ""])).root
    assert len(root.get("r").entry("k").merged) == ORIGINS_MAX


@pytest.mark.parametrize("value", ["1", "[1]", "[{a: 1}, b]", "null", "[]", "''"])
def test_what_is_no_mapping_cannot_be_merged(value):
    _, (finding,) = read_text(f"r: {{<<: {value}, k: 1}}\n")
    assert (finding.code, shown(finding.span)) == ("DN1007", "1:5-1:7")


def test_a_second_merge_key_is_a_key_twice():
    document, (finding,) = read_text("r: {<<: {k: 1}, <<: {l: 2}}\n")
    assert (finding.code, shown(finding.labels[0].span)) == ("DN1003", "1:5-1:7")
    assert "<<: [*one, *two]" in finding.help
    assert to_json(document.root) == {"r": {"k": 1}}


@pytest.mark.parametrize(
    "text", ["a: &a {<<: *a}\n", "a: &a {b: {<<: *a}}\n", "a: &a [{<<: *a}]\n"]
)
def test_a_merge_of_what_is_around_it_is_refused(text):
    document, (finding,) = read_text(text)
    assert (document, finding.code) == (None, "DN1006")
    assert "stands inside itself" in finding.message
    assert shown(finding.labels[0].span) == "1:4-1:6"


def bomb(levels):
    """Mappings of ten keys, each of which merges ten of the level below."""
    keys = ", ".join(f"k{n}: 1" for n in range(10))
    lines = [f"a0: &a0 {{{keys}}}"]
    for level in range(1, levels):
        parts = ", ".join(f"{{x{level}_{n}: {{<<: *a{level - 1}}}}}" for n in range(10))
        lines.append(f"a{level}: &a{level} {{<<: [{parts}]}}")
    return "\n".join([*lines, ""])


def test_a_bomb_of_merges_is_refused_with_both_numbers():
    document, (finding,) = read_text(bomb(9))
    assert (document, finding.code) == (None, "DN1027")
    repeated, most = (
        int(word) for word in finding.message.replace(",", "").split() if word.isdigit()
    )
    assert repeated > most == reader.REPEATED_MAX
    assert finding.labels[0].message.endswith("nodes each time")


def test_what_stays_within_the_budget_is_read():
    _, findings = read_text(bomb(3))
    assert {finding.code for finding in findings} == {"DN1026"}


def found_at(document, message, words):
    at = document.text.index(words)
    return Diagnostic("DN2007", message, Places(document.text).span(at, at + len(words)))


def test_a_finding_about_a_merged_value_names_its_merges():
    document = clean("x: &a {k: {deep: bad}}\ny: {k: bad2}\nr: [{<<: *a}, {<<: *a}]\n")
    labelled = label_merges(
        [
            found_at(document, "one", "bad2"),
            found_at(document, "two", "r: ["),
            found_at(document, "three", "k: {deep"),
            found_at(document, "four", "deep"),
        ],
        document,
    )
    assert [finding.message for finding in labelled] == ["one", "two", "three", "four"]
    assert [[shown(label.span) for label in finding.labels] for finding in labelled] == [
        [], [], [], ["3:6-3:8", "3:16-3:18"],
    ]  # fmt: skip


def test_labels_of_merges_come_to_an_end():
    merges = "".join(f"r{n}: {{<<: *a}}\n" for n in range(LABELS_MAX + 2))
    document = clean(f"x: &a {{k: bad}}\n{merges}")
    (finding,) = label_merges([found_at(document, "one", "bad")], document)
    assert [label.message for label in finding.labels] == ["merged here"] * LABELS_MAX
