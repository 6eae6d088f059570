"""Corruptions of expressions: names, functions, operators, quotes, types, and where secrets go.

An access that goes wrong, as `input.nmae` or `steps.fidn.output`, is expected where it begins.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dagnats.lang.keys import Expression
from tests.mutations.graphs import _handlers, _top
from tests.mutations.mutation import (
    EVERY_USE,
    Edit,
    Mutation,
    added,
    misspelt,
    mutated,
    operator,
    replaced,
)
from tests.mutations.written import Doc, Item

_TEMPLATE = re.compile(r"(?<!\$)\$\{\{(.*?)\}\}(?!\})", re.DOTALL)
_ROOT = re.compile(r"(?<![\w.\"'])(input|steps|vars|secrets|item|loop|event|error|trigger|run)\b")
_STEP = re.compile(r"(?<![\w.])steps\.(\w+)")
_CHAIN = re.compile(r"(?<![\w.])input((?:\.\w+)+)(?!\w|\()")
_FUNCTION = re.compile(r"(?<![\w.])(size|double|string|timestamp|has)\(")
_METHOD = re.compile(r"(?<![\w.\])?])([A-Za-z][\w.?]*(?:\[[0-9]\])?)\.(\w+)\(")
_COMPARED = re.compile(r"(?<![\w.])[\w.]+ (==|>=|>|<|!=) ([0-9]+)")
_ELSEWHERE = {"input_schema", "input", "tasks", "events", "schemas", "output_schema", "form"}


class Place(NamedTuple):
    """An expression: the value it stands in, and where in the text."""

    item: Item
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.item.doc.text[self.start : self.end]

    @property
    def is_bare(self) -> bool:
        return isinstance(self.item.kind, Expression) or _is_match(self.item)

    def quote(self) -> str:
        """Return a quote for a text within: one that needs no escape."""
        return "'" if self.item.style == '"' else '"'


def _is_match(item: Item) -> bool:
    return item.key is not None and item.key.name == "match" and item.is_scalar


def _expressions(doc: Doc) -> Iterator[Place]:
    for item in doc.items():
        if not item.is_scalar or (item.path and item.path[0] in _ELSEWHERE):
            continue
        if isinstance(item.kind, Expression) or _is_match(item):
            # A bare path may be Go's, where it is read so.
            is_path = re.fullmatch(r"[\w.]+", item.value) is not None
            if not is_path or item.name in {"when", "until", "while", "over", "on"}:
                yield _bare(item)
        else:
            for found in _TEMPLATE.finditer(item.text):
                yield Place(item, item.start + found.start(1), item.start + found.end(1))


def _bare(item: Item) -> Place:
    start, end = item.start, item.end
    if item.style in {'"', "'"}:
        start, end = start + 1, end - 1
    elif item.style:
        start = item.doc.text.index("\n", start) + 1
        start += len(item.doc.text[start:end]) - len(item.doc.text[start:end].lstrip())
    return Place(item, start, end)


def _conditions(doc: Doc) -> Iterator[Place]:
    for place in _expressions(doc):
        is_condition = place.item.name in {"when", "until", "while"}
        if place.is_bare and is_condition and place.item.parent.block != "sleepConfig":
            yield place


def _changed(place: Place, at: int, end: int, new: str, codes: str, delta: int = 0) -> Mutation:
    """Replace part of an expression; offsets are within it."""
    doc, start = place.item.doc, place.start
    text = doc.text[: start + at] + new + doc.text[start + end :]
    return Mutation(text, tuple(codes.split()), (start + at + delta,))


def _in_text(expression: str, at: int) -> bool:
    """Whether a place is inside of a quoted text of the expression."""
    before = re.sub(r"\\.", "", expression[:at])
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1


@operator
def misspelt_root(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in _ROOT.finditer(place.text):
            for wrong in misspelt(found[1]):
                if not _in_text(place.text, found.start()):
                    yield _changed(place, *found.span(1), wrong, "DN4002")


@operator
def root_of_another_language(doc: Doc) -> Iterator[Mutation]:
    names = {"input": ("inputs", "$input", "params"), "steps": ("step", "tasks", "jobs")}
    for place in _expressions(doc):
        for found in _ROOT.finditer(place.text):
            for wrong in names.get(found[1], ()):
                codes = "DN4002 DN4001" if wrong.startswith("$") else "DN4002"
                yield _changed(place, *found.span(1), wrong, codes)


@operator
def misspelt_step_in_an_expression(doc: Doc) -> Iterator[Mutation]:
    ids = doc.step_ids()
    for place in _expressions(doc):
        for found in _STEP.finditer(place.text):
            for wrong in (*misspelt(found[1]), "nowhere"):
                if wrong not in ids and wrong.isidentifier():
                    made = _changed(place, *found.span(1), wrong, "DN3002")
                    yield Mutation(made.text, made.codes, (place.start + found.start(),))


def _declared(doc: Doc, fields: list[str]) -> bool:
    """Whether the schema of the input knows every field of a chain."""
    schema = doc.root.get("input") or doc.root.get("input_schema")
    for field in fields:
        schema = schema.get("properties", field) if schema is not None else None
    return schema is not None


@operator
def misspelt_field_of_the_input(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in _CHAIN.finditer(place.text):
            fields = found[1][1:].split(".")
            if not _declared(doc, fields):
                continue
            start = found.end() - len(fields[-1])
            for wrong in misspelt(fields[-1]):
                if not _declared(doc, [*fields[:-1], wrong]):
                    made = _changed(place, start, found.end(), wrong, "DN5002")
                    yield Mutation(made.text, made.codes, (place.start + found.start(),))


@operator
def misspelt_output(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(r"(?<![\w.])steps\.\w+\.(output)\b", place.text):
            for wrong in ("outputs", "result", "ouput"):
                made = _changed(place, *found.span(1), wrong, "DN5002 DN4002")
                yield Mutation(made.text, made.codes, (place.start + found.start(),))


@operator
def misspelt_variable(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(r"(?<![\w.])vars\.(\w+)", place.text):
            for wrong in misspelt(found[1]):
                made = _changed(place, *found.span(1), wrong, "DN4002 DN5002")
                yield Mutation(made.text, made.codes, (place.start + found.start(),))


@operator
def misspelt_function(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in _FUNCTION.finditer(place.text):
            for wrong in misspelt(found[1]):
                yield _changed(place, *found.span(1), wrong, "DN4003")


@operator
def function_of_another_language(doc: Doc) -> Iterator[Mutation]:
    names = {
        "size": ("len", "length", "count"),
        "string": ("str", "toString"),
        "double": ("float",),
    }
    for place in _expressions(doc):
        for found in _FUNCTION.finditer(place.text):
            for wrong in names.get(found[1], ()):
                yield _changed(place, *found.span(1), wrong, "DN4003")


@operator
def misspelt_method(doc: Doc) -> Iterator[Mutation]:
    # The call begins with what it is called on; the eye goes to the name.
    for place in _expressions(doc):
        for found in _METHOD.finditer(place.text):
            for wrong in misspelt(found[2]):
                made = _changed(place, *found.span(2), wrong, "DN4003")
                places = (place.start + found.start(), place.start + found.start(2))
                yield Mutation(made.text, made.codes, places)


def _sign(doc: Doc, sign: str, new: str) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(re.escape(sign), place.text):
            if not _in_text(place.text, found.start()):
                yield _changed(place, *found.span(), new, "DN4001")


@operator
def single_equals(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "==", "=")


@operator
def triple_equals(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "==", "===")


@operator
def and_in_words(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "&&", "and")


@operator
def or_in_words(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "||", "or")


@operator
def single_ampersand(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "&&", "&")


@operator
def unequal_of_sql(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "!=", "<>")


@operator
def is_in_words(doc: Doc) -> Iterator[Mutation]:
    yield from _sign(doc, "==", "is")


@operator
def arrow_function(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(r"\((\w), ", place.text):
            new = f"({found[1]} => "
            yield _changed(place, *found.span(), new, "DN4001", delta=3)


@operator
def unclosed_template(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        if not place.is_bare and "{" not in place.text:
            rest = place.item.text[place.end - place.item.start :]
            at = place.start - 3
            if "}}" not in rest[2:]:
                yield mutated(doc, "DN4005", [Edit(place.end, place.end + 2, "")], at)
                yield mutated(doc, "DN4005", [Edit(place.end + 1, place.end + 2, "")], at)


@operator
def empty_template(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        if not place.is_bare and "\n" not in place.text:
            made = mutated(doc, "DN4001", [Edit(place.start, place.end, " ")], place.start - 3)
            places = (*made.offsets, place.start, place.start + 1)
            yield Mutation(made.text, made.codes, places)


@operator
def empty_condition(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        if place.item.name != "when":
            yield replaced(place.item, '""', "DN4001 DN2006")


@operator
def prose_in_a_condition(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        wrong = doc.spelled("when everything is ready")
        made = replaced(place.item, wrong, "DN4001")
        # At its second word, where it stops being an expression, or as a whole.
        start = made.offsets[0] + (1 if wrong.startswith('"') else 0)
        yield Mutation(made.text, ("DN4001", "DN4002"), (made.offsets[0], start, start + 5))


@operator
def text_for_a_condition(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        made = replaced(place.item, "\"'ready'\"", "DN4004")
        yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def number_for_a_condition(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        made = replaced(place.item, '"1 + 1"', "DN4004")
        yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def template_in_a_condition(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        made = replaced(place.item, '"${{ input.ready }}"', "DN4001")
        yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def comparison_with_a_text(doc: Doc) -> Iterator[Mutation]:
    """A whole number compared with a text: as a whole, or at the operator or the text."""
    for place in _expressions(doc):
        for found in _COMPARED.finditer(place.text):
            chain = found[0].split(" ")[0]
            is_known = chain.startswith("input.") and _declared(doc, chain.split(".")[1:])
            if is_known or chain == "loop.iteration":
                quote = place.quote()
                wrong = f"{quote}{found[2]}{quote}"
                made = _changed(place, *found.span(2), wrong, "DN4004 DN4008")
                spots = (found.start(), found.start(1), found.start(2))
                yield Mutation(made.text, made.codes, tuple(place.start + s for s in spots))


@operator
def missing_closing_parenthesis(doc: Doc) -> Iterator[Mutation]:
    # The one that is left open, or where the expression ends without the other.
    for place in _expressions(doc):
        text = place.text
        for found in re.finditer(r"\)", text):
            if not _in_text(text, found.start()) and text.count("(") == text.count(")"):
                edit = Edit(place.start + found.start(), place.start + found.end(), "")
                openers = [m.start() for m in re.finditer(r"\(", text[: found.start()])]
                end = len(text.rstrip())
                moved = mutated(doc, "DN4001", [edit], *(place.start + o for o in openers))
                places = (*moved.offsets, place.start + end - 1, place.start + len(text) - 1)
                yield Mutation(moved.text, moved.codes, places)


@operator
def parenthesis_too_many(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        if "\n" not in place.text:
            at = len(place.text.rstrip())
            yield _changed(place, at, at, ")", "DN4001")


@operator
def missing_quote_in_an_expression(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        if place.text.count('"') == 2 and "'" not in place.text and place.item.style != '"':
            last, first = place.text.rindex('"'), place.text.index('"')
            made = _changed(place, last, last + 1, "", "DN4001")
            yield Mutation(made.text, made.codes, (place.start + first,))


@operator
def nothing_after_the_dot(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        stripped = place.text.rstrip()
        if re.fullmatch(r"\s*input\.\w+", stripped):
            at = stripped.index(".") + 1
            made = _changed(place, at, len(stripped), "", "DN4001")
            spots = (at - 1, at, at + 1)
            yield Mutation(made.text, made.codes, tuple(place.start + s for s in spots))


@operator
def undeclared_secret(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(r"(?<![\w.])secrets\.(\w+)", place.text):
            for wrong in misspelt(found[1]):
                made = _changed(place, *found.span(1), wrong, "DN8001")
                yield Mutation(made.text, made.codes, (place.start + found.start(),))


@operator
def first_secret_without_declaration(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        given = step.get("with")
        if given and given.is_mapping and given.children and not doc.root.get("secrets"):
            task = step.get("task")
            is_open = task is not None and not doc.root.get("tasks", task.value)
            if is_open and not doc.root.get("imports"):
                made = added(given, "key", '"${{ secrets.API }}"', "DN8001", at="value")
                yield Mutation(made.text, made.codes, (made.offsets[0] + 5,))


@operator
def secret_in_the_output(doc: Doc) -> Iterator[Mutation]:
    secrets, output = doc.root.get("secrets"), doc.root.get("output")
    for secret in secrets.children if secrets and output else ():
        if output.is_mapping:
            value = f'"${{{{ secrets.{secret.value} }}}}"'
            made = added(output, "key", value, "DN8002", at="value")
            yield Mutation(made.text, made.codes, (made.offsets[0] + 5,))


@operator
def secret_in_a_label(doc: Doc) -> Iterator[Mutation]:
    for secret in (doc.root.get("secrets") or doc.root).children:
        if secret.parent.name == "secrets":
            last = doc.root.children[-1]
            value = f'{{"key": "${{{{ secrets.{secret.value} }}}}"}}'
            if doc.root.get("labels") is None:
                made = added(doc.root, "labels", value, "DN8002", at="value")
                assert last
                yield Mutation(made.text, made.codes, (made.offsets[0] + 13,))


@operator
def loop_outside_of_a_loop(doc: Doc) -> Iterator[Mutation]:
    for step in _top(doc):
        kind = step.get("type")
        if step.get("when") is None and kind is None and step.get("id").value not in _handlers(doc):
            made = added(step, "when", '"loop.iteration == 1"', "DN4002", at="value")
            yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def item_outside_of_a_map(doc: Doc) -> Iterator[Mutation]:
    for step in _top(doc):
        if step.get("when") is None and step.get("id").value not in _handlers(doc):
            made = added(step, "when", '"item == 1"', "DN4002", at="value")
            yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def step_reads_its_own_output(doc: Doc) -> Iterator[Mutation]:
    handlers = _handlers(doc)
    for step in doc.steps:
        name = step.get("id").value
        if step.get("when") is None and name.isidentifier() and name not in handlers:
            value = f'"steps.{name}.output == 1"'
            made = added(step, "when", value, "DN3004", at="value")
            # With a condition, and it alone, the step may be skipped: who reads it is told so.
            yield Mutation(made.text, made.codes, (made.offsets[0] + 1,), EVERY_USE)


@operator
def condition_that_always_holds(doc: Doc) -> Iterator[Mutation]:
    for place in _conditions(doc):
        if "\n" not in place.text:
            made = _changed(place, len(place.text), len(place.text), " || true", "DN4007")
            yield Mutation(made.text, made.codes, (place.start,))


@operator
def output_that_may_not_exist(doc: Doc) -> Iterator[Mutation]:
    pattern = re.compile(r"steps\.(\w+)\.\?output(?:\.\?(\w+))?\.orValue\([^()]*\)")
    for place in _expressions(doc):
        for found in pattern.finditer(place.text):
            new = f"steps.{found[1]}.output" + (f".{found[2]}" if found[2] else "")
            yield _changed(place, *found.span(), new, "DN5001")


@operator
def misspelt_field_of_an_event(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        event = place.item.parent.get("event")
        schema = doc.root.get("events", event.value) if event is not None else None
        for found in re.finditer(r"(?<![\w.])event\.data\.(\w+)", place.text):
            for wrong in misspelt(found[1]) if schema is not None else ():
                made = _changed(place, *found.span(1), wrong, "DN5002")
                yield Mutation(made.text, made.codes, (place.start + found.start(),))


@operator
def too_many_arguments(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        is_text = place.item.style or not place.item.in_flow
        for found in re.finditer(r"(?<![\w.])size\(([\w.]+)\)", place.text) if is_text else ():
            yield _changed(place, *found.span(), f"size({found[1]}, 2)", "DN4004 DN4003")


@operator
def method_on_a_wrong_type(doc: Doc) -> Iterator[Mutation]:
    for place in _expressions(doc):
        for found in re.finditer(r"(?<![\w.])size\(([\w.]+)\)", place.text):
            new = f"{found[0]}.startsWith('x')" if place.quote() == "'" else None
            if new:
                yield _changed(place, *found.span(), new, "DN4004 DN4003")
