"""Corruptions of the text: indentation, quotes, brackets, signs, what YAML and JSON differ in."""

import re
from collections.abc import Iterator

from dagnats.lang.keys import Expression
from tests.mutations.mutation import (
    Edit,
    Mutation,
    added,
    insertion,
    mutated,
    operator,
    replaced,
)
from tests.mutations.written import Doc, Item


def _lines(doc: Doc) -> Iterator[Item]:
    """Yield entries of block mappings that begin a line, and are not the first of theirs."""
    if doc.is_json:
        return
    for item in doc.items():
        if (
            item.parent is not None
            and item.key_start >= 0
            and not item.parent.is_flow
            and item.parent.children[0] is not item
            and not item.in_flow
        ):
            yield item


def _column(item: Item) -> int:
    return item.key_start - (item.doc.text.rfind("\n", 0, item.key_start) + 1)


def _plain(doc: Doc) -> Iterator[Item]:
    """Yield plain scalars on one line."""
    for item in doc.items():
        if item.is_scalar and not item.style and item.text and "\n" not in item.text:
            yield item


def _quoted(doc: Doc) -> Iterator[Item]:
    for item in doc.items():
        if item.style in {'"', "'"} and "\n" not in item.text:
            yield item


def _enclosing(item: Item) -> list[Item]:
    return [above for above in item.above() if above.is_flow]


def _is_prose(item: Item) -> bool:
    return item.name in {"description", "message"} and item.parent.block != ""


@operator
def tab_for_indentation(doc: Doc) -> Iterator[Mutation]:
    for item in _lines(doc):
        if column := _column(item):
            start = item.key_start - column
            yield mutated(doc, "DN1017", [Edit(start, item.key_start, "\t")], start)


@operator
def one_blank_more(doc: Doc) -> Iterator[Mutation]:
    for item in _lines(doc):
        at = item.key_start
        yield mutated(doc, "DN1017", [Edit(at, at, " ")], at)


@operator
def one_blank_less(doc: Doc) -> Iterator[Mutation]:
    for item in _lines(doc):
        column = _column(item)
        above = {_column(each) for each in item.above() if each.key_start >= 0}
        if column and column - 1 not in above:
            at = item.key_start
            yield mutated(doc, "DN1017", [Edit(at - 1, at, "")], at)


@operator
def missing_closing_quote(doc: Doc) -> Iterator[Mutation]:
    for item in _quoted(doc):
        yield mutated(doc, "DN1014", [Edit(item.end - 1, item.end, "")], item.start)


@operator
def missing_opening_quote(doc: Doc) -> Iterator[Mutation]:
    for item in _quoted(doc):
        if item.in_flow and item.text[1:].startswith("${{") and not doc.is_json:
            # The braces are bare now, and the other quote is alone.
            edit = Edit(item.start, item.start + 1, "")
            yield mutated(doc, "DN1018 DN1014", [edit], item.start, item.end - 1)


@operator
def missing_closing_bracket(doc: Doc) -> Iterator[Mutation]:
    # Of brackets of one kind within each other, nobody can say which is the one not closed.
    for item in doc.items():
        if item.is_flow and item.parent is not None:
            around = _enclosing(item)
            places = [item.start, *(each.start for each in around)]
            places += [each.end - 1 for each in around]
            yield mutated(doc, "DN1016", [Edit(item.end - 1, item.end, "")], *places)


@operator
def missing_opening_bracket(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.is_flow and item.in_flow and item.children:
            closers = [each.end - 1 for each in (item, *_enclosing(item))]
            edit = Edit(item.start, item.start + 1, "")
            if item.is_list:
                yield mutated(doc, "DN1016", [edit], *closers)


@operator
def missing_colon(doc: Doc) -> Iterator[Mutation]:
    for item in _lines(doc):
        if item.is_scalar and not item.style and "\n" not in item.text and "#" not in item.text:
            colon = doc.text.index(":", item.key_end)
            if ": " not in item.text:
                yield mutated(doc, "DN1001", [Edit(colon, colon + 1, "")], item.key_start)


@operator
def missing_blank_after_colon(doc: Doc) -> Iterator[Mutation]:
    for item in _lines(doc):
        if item.is_scalar and not item.style and "\n" not in item.text and item.text:
            colon = doc.text.index(":", item.key_end)
            if item.start == colon + 2:
                edit = Edit(colon + 1, colon + 2, "")
                yield mutated(doc, "DN1001 DN1019", [edit], item.key_start, colon)


@operator
def key_twice(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if (
            item.key_start >= 0
            and item.is_scalar
            and item.style not in {"|", ">"}
            and "\n" not in item.text
            and item.text
            and "&" not in item.text
        ):
            key = doc.text[item.key_start : item.key_end].strip('"')
            if not key.isidentifier():
                continue
            edit = insertion(item, key, item.text)
            yield mutated(doc, "DN1003", [edit], item.key_start)


@operator
def foreign_tag(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if item.kind is not None and not doc.is_json:
            # Before an expression, it may be meant as its operator.
            is_sign = isinstance(item.kind, Expression)
            codes = "DN1005 DN1013" if is_sign else "DN1005"
            yield replaced(item, f"!custom {item.text}", codes)


@operator
def alias_to_nothing(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if not doc.is_json:
            codes = "DN1006 DN1013" if isinstance(item.kind, Expression) else "DN1006"
            yield replaced(item, "*nowhere", codes)


@operator
def alias_to_itself(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "with" and item.is_flow and item.children and not doc.is_json:
            yield replaced(item, "&self {self: *self}", "DN1006", delta=len("&self {self: "))


@operator
def merge_of_no_mapping(doc: Doc) -> Iterator[Mutation]:
    for item in doc.steps:
        if not doc.is_json and "<<" not in item.text:
            last = item.children[-1]
            edit = insertion(last, "<<", "7")
            text = doc.text[: edit.start] + edit.new + doc.text[edit.end :]
            yield Mutation(text, ("DN1007",), (edit.start,))


@operator
def control_character(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.is_scalar and len(item.text) > 3 and item.style not in {"|", ">"}:
            at = item.start + 2
            yield Mutation(doc.text[:at] + "\x07" + doc.text[at:], ("DN1002",), (at,))


@operator
def second_document(doc: Doc) -> Iterator[Mutation]:
    if not doc.is_json:
        text = doc.text.rstrip("\n") + "\n---\n"
        yield Mutation(f"{text}name: again\nsteps: []\n", ("DN1008",), (len(text) - 4,))


@operator
def nothing_but_a_comment(doc: Doc) -> Iterator[Mutation]:
    if not doc.is_json:
        text = "".join(f"# {line}\n" for line in doc.text.split("\n"))
        yield Mutation(text, ("DN1009",), (0,))


@operator
def infinite_number(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if re.fullmatch(r"[0-9]+", item.text) and item.kind is not None and not doc.is_json:
            yield replaced(item, ".inf", "DN1010")


@operator
def value_begins_with_a_sign(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if not doc.is_json and item.text[0].isalpha() and item.kind is not None:
            for sign in "@`%":
                yield replaced(item, sign + item.text, "DN1013")


@operator
def condition_begins_with_an_exclamation_mark(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if item.name in {"when", "until", "while"} and item.parent.block and not doc.is_json:
            yield replaced(item, f"!{item.text}", "DN1013 DN1005")


@operator
def colon_in_text(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if (
            _is_prose(item)
            and " " in item.text
            and not doc.is_json
            and not item.in_flow
            and not item.parent.is_flow
        ):
            at = item.start + item.text.index(" ")
            yield Mutation(doc.text[:at] + ":" + doc.text[at:], ("DN1015",), (at,))


@operator
def braces_without_dollar(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        whole = re.fullmatch(r"[\"']?\$(\{\{[^{}\"':]*\}\})[\"']?", item.text)
        if item.is_scalar and whole and not doc.is_json:
            yield replaced(item, whole[1], "DN1018")


@operator
def template_without_quotes_in_braces(doc: Doc) -> Iterator[Mutation]:
    for item in _quoted(doc):
        whole = re.fullmatch(r"\"(\$\{\{[^{}\"':,\[\]]*\}\})\"", item.text)
        if whole and not doc.is_json and (item.in_flow or item.parent.is_flow):
            yield replaced(item, whole[1], "DN1018")


@operator
def comment_touches_value(doc: Doc) -> Iterator[Mutation]:
    for item in _quoted(doc):
        if doc.text[item.end : item.end + 1] == "\n" and not item.in_flow and not doc.is_json:
            at = item.end
            yield Mutation(doc.text[:at] + "# note" + doc.text[at:], ("DN1020",), (at,))


@operator
def comment_cuts_text(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        # Behind one word alone, `# 12` may well be meant as a comment.
        if (
            _is_prose(item)
            and item.text.count(" ") > 1
            and not item.in_flow
            and not doc.is_json
            and not item.parent.is_flow
        ):
            at = item.start + item.text.index(" ", item.text.index(" ") + 1) + 1
            yield Mutation(doc.text[:at] + "#12 " + doc.text[at:], ("DN1021",), (at,))


@operator
def yes_for_true(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if item.text in {"true", "false"} and item.key and not doc.is_json:
            yield replaced(item, "yes", "DN1022 DN2003")


@operator
def leading_zero(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if (
            re.fullmatch(r"[1-9][0-9]*", item.text)
            and item.key
            and not doc.is_json
            and type(item.kind).__name__ == "Integer"
        ):
            yield replaced(item, f"0{item.text}", "DN1023")


@operator
def anchor_for_nothing(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if item.key and not doc.is_json and item.start == doc.text.index(":", item.key_end) + 2:
            yield replaced(item, f"&spare {item.text}", "DN1026")


@operator
def invisible_character(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if (
            item.is_scalar
            and item.name == "description"
            and len(item.text) > 4
            and item.style not in {"|", ">"}
        ):
            at = item.start + 3
            yield Mutation(doc.text[:at] + "\u202e" + doc.text[at:], ("DN1028",), (at,))


@operator
def version_without_quotes(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "with" and item.is_mapping and item.children and not doc.is_json:
            task = item.parent.get("task")
            if task and not doc.root.get("imports") and not doc.root.get("tasks", task.value):
                yield added(item, "python-version", "3.10", "DN1024", at="value")


@operator
def comma_before_bracket_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if doc.is_json and not item.is_scalar and item.children:
            at = item.children[-1].end
            yield Mutation(doc.text[:at] + "," + doc.text[at:], ("DN1029",), (at,))


@operator
def single_quotes_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in _quoted(doc):
        if doc.file.endswith(".json") and "'" not in item.text and '\\"' not in item.text:
            yield replaced(item, f"'{item.text[1:-1]}'", "DN1029")


@operator
def comment_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if doc.file.endswith(".json") and item.key_start >= 0:
            at = item.key_start
            yield Mutation(doc.text[:at] + "/* x */ " + doc.text[at:], ("DN1029",), (at,))


@operator
def no_comma_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        is_json = doc.file.endswith(".json")
        if is_json and item.parent is not None and item.parent.children[0] is not item:
            before = item.parent.children[item.parent.children.index(item) - 1]
            comma = doc.text.index(",", before.end)
            at = item.key_start if item.key_start >= 0 else item.start
            yield mutated(doc, "DN1029 DN1016", [Edit(comma, comma + 1, "")], at, comma)


@operator
def key_without_quotes_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if doc.file.endswith(".json") and item.key_start >= 0:
            key = doc.text[item.key_start + 1 : item.key_end - 1]
            edit = Edit(item.key_start, item.key_end, key)
            if key.isidentifier():
                yield mutated(doc, "DN1029", [edit], item.key_start)


@operator
def not_a_number_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if doc.is_json and re.fullmatch(r"[0-9]+", item.text):
            yield replaced(item, "NaN", "DN1029 DN1010")


@operator
def python_words_in_json(doc: Doc) -> Iterator[Mutation]:
    for item in _plain(doc):
        if doc.is_json and item.text in {"true", "false"}:
            yield replaced(item, item.text.title(), "DN1029")
