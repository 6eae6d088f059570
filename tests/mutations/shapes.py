"""Corruptions of the shape: keys, words, types, ranges, names, schemas, schedules."""

import re
from collections.abc import Iterator

from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import (
    Choice,
    Duration,
    Either,
    Expression,
    Flag,
    Integer,
    Json,
    JsonSchema,
    ListOf,
    MapOf,
    Number,
    Ref,
    Template,
    Text,
)
from tests.mutations.mutation import (
    EVERY_USE,
    Mutation,
    added,
    has_anchor,
    insertion,
    misspelt,
    mutated,
    operator,
    removal,
    replaced,
)
from tests.mutations.written import Doc, Item

TYPES = {each.name: each for each in STEP_TYPES}
WRONG_FORM = {"id": "has blanks!", "task": "a b", "event": "a b"}


def _valued(doc: Doc, *kinds: type) -> Iterator[Item]:
    """Yield values of keys of the language, of these kinds."""
    for item in doc.items():
        if item.key is not None and isinstance(item.kind, kinds):
            yield item


def _type(step: Item) -> str:
    found = step.get("type")
    return found.value if found else "normal"


def _schemas(doc: Doc) -> Iterator[Item]:
    """Yield JSON Schemas, inner ones too, but no `default` and the like."""
    is_one = lambda item: isinstance(item.kind, JsonSchema) and item.is_mapping  # noqa: E731
    stack = [item for item in doc.items() if is_one(item)]
    while stack:
        item = stack.pop()
        yield item
        for key in ("items", "additionalProperties"):
            inner = item.get(key)
            if inner and inner.is_mapping:
                stack.append(inner)
        if properties := item.get("properties"):
            stack += [each for each in properties.children if each.is_mapping]


def _may_be_of_go(item: Item) -> bool:
    """Whether Go may have read over a mistake: not in a document that says `dagnats: 1`."""
    return item.doc.root.get("dagnats") is None


@operator
def misspelt_key(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.key is None or item.key.name in {"$schema", "dagnats"}:
            continue
        block = BLOCKS[item.parent.block]
        for wrong in misspelt(item.name):
            if block.key(wrong) is None:
                quote = '"' if doc.is_json else ""
                text = doc.text[: item.key_start] + quote + wrong + quote + doc.text[item.key_end :]
                yield Mutation(text, ("DN2001",), (item.key_start,))


@operator
def foreign_key(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.block and item.children:
            codes = "DN2001 DN9014" if _may_be_of_go(item) else "DN2001"
            yield added(item, "colour", "red" if not doc.is_json else '"red"', codes)


@operator
def misspelt_word(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Choice):
        words = {word for word, _ in item.kind.words}
        for wrong in misspelt(item.value):
            if wrong not in words:
                yield replaced(item, doc.spelled(wrong), "DN2004")


@operator
def type_of_another_language(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Choice):
        if item.name == "type":
            for wrong in ("http", "lambda", "container"):
                yield replaced(item, doc.spelled(wrong), "DN2004")


@operator
def missing_required_key(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        needed = item.key is not None and item.key.required
        if item.name == "task" and item.parent.block == "step":
            needed = TYPES[_type(item.parent)].task == "needed"
        edit = removal(item) if needed else None
        if edit is not None:
            yield mutated(doc, "DN2002", [edit], *_beginnings(item))


def _beginnings(item: Item) -> tuple[int, ...]:
    """Return where the mapping of an entry begins without it: its bracket, first key, own key."""
    parent = item.parent
    others = [each for each in parent.children if each is not item]
    # A mapping that stands at a key may be called by it.
    held = (parent.key_start,) if parent.key_start >= 0 else ()
    return parent.start, others[0].key_start, *held


def _type_codes(item: Item) -> str:
    """Where only some words or one number may stand, anything else is none of these."""
    is_constant = isinstance(item.kind, Integer) and item.kind.minimum == item.kind.maximum
    return "DN2003 DN2004" if is_constant or isinstance(item.kind, Choice) else "DN2003"


def _wrong(item: Item) -> str | None:
    doc = item.doc
    kind = item.kind
    if isinstance(kind, Choice | Text | Duration | Expression):
        return "[7]"
    if isinstance(kind, Flag | Integer | Number):
        return doc.spelled("many")
    if isinstance(kind, ListOf):
        return None if kind.alone else doc.spelled("word")
    if isinstance(kind, MapOf):
        return doc.spelled("word")
    if isinstance(kind, Ref):
        block = BLOCKS.get(kind.block)
        return "[7]" if block and block.short else doc.spelled("word")
    return None


@operator
def wrong_type(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.kind is None or has_anchor(item):
            continue
        if (wrong := _wrong(item)) is not None:
            yield replaced(item, wrong, _type_codes(item))


@operator
def text_for_a_number(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Integer, Number):
        yield replaced(item, doc.spelled(item.value, quoted=True), _type_codes(item))


@operator
def number_for_a_text(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Text):
        if item.is_scalar:
            yield replaced(item, "42", "DN2003")


@operator
def null_for_a_value(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if (
            item.key is not None
            and not isinstance(item.kind, Json | Template | JsonSchema | Either)
        ) and not has_anchor(item):
            codes = f"{_type_codes(item)} DN9014" if _may_be_of_go(item) else _type_codes(item)
            yield replaced(item, "null", codes)


@operator
def word_for_a_step(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if not has_anchor(step):
            yield replaced(step, doc.spelled("greet"), "DN2003")


@operator
def number_out_of_range(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Integer, Number):
        codes = "DN2006 DN2004 DN9014" if _may_be_of_go(item) else "DN2006 DN2004"
        yield replaced(item, str(int(item.kind.maximum) + 1), codes)
        yield replaced(item, str(int(item.kind.minimum) - 1), codes)


@operator
def bad_duration(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Duration):
        for wrong in ("5 minutes", "-5m", "soon"):
            yield replaced(item, doc.spelled(wrong), "DN2007")


@operator
def bad_name(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if isinstance(item.kind, Text) and item.kind.definition in WRONG_FORM and item.is_scalar:
            yield replaced(item, doc.spelled(WRONG_FORM[item.kind.definition]), "DN2005")


@operator
def name_too_long(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, Text):
        if item.kind.definition == "id" and item.is_scalar:
            yield replaced(item, doc.spelled("x" * 65), "DN2005")


@operator
def empty_list(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, ListOf):
        if item.kind.items_min and item.is_list and not has_anchor(item):
            yield replaced(item, "[]", "DN2006")


@operator
def same_item_twice(doc: Doc) -> Iterator[Mutation]:
    for item in _valued(doc, ListOf):
        if item.kind.unique and item.is_flow and item.children:
            last = item.children[-1]
            text = doc.text[: last.end] + f", {last.text}" + doc.text[last.end :]
            yield Mutation(text, ("DN2006",), (last.end + 2,))


@operator
def key_of_another_type(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        config = step.get("config")
        if config is None or not config.block or not config.children:
            continue
        for key, value in (("quorum", "1"), ("max_iterations", "3"), ("max_items", "3")):
            if BLOCKS[config.block].key(key) is None:
                yield added(config, key, value, "DN2001")


@operator
def key_of_config_beside_the_step(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        for key, value in (("quorum", "1"), ("max_iterations", "3"), ("max_items", "3")):
            yield added(step, key, value, "DN2001")


@operator
def two_spellings(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.key is not None and item.key.old and item.name == item.key.name and item.is_scalar:
            edit = insertion(item, item.key.old[0], item.text)
            text = doc.text[: edit.start] + edit.new + doc.text[edit.end :]
            yield Mutation(text, ("DN2008",), (edit.start,))


@operator
def task_and_body(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        body = step.get("config", "steps")
        if body is not None and TYPES[_type(step)].task == "instead" and step.get("task") is None:
            last = step.children[-1]
            edit = insertion(last, "task", doc.spelled("a.task"))
            moved = mutated(doc, "DN2010", [edit], body.key_start)
            yield Mutation(moved.text, ("DN2010",), (edit.start, *moved.offsets))


@operator
def task_where_none_is_taken(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if TYPES[_type(step)].task == "none" and step.get("task") is None:
            codes = "DN2011 DN9014" if _may_be_of_go(step) else "DN2011"
            yield added(step, "task", doc.spelled("a.task"), codes)


@operator
def exclusive_keys(doc: Doc) -> Iterator[Mutation]:
    key = doc.root.get("input", "properties") or doc.root
    limit = f'{{"key": "input.{key.children[0].name}", "limit": 1, "period": "1s"}}'
    new = {"keyed_rate_limit": ("rate_limit", '{"limit": 1, "period": "1s"}')}
    new["rate_limit"] = ("keyed_rate_limit", limit)
    new["subject"] = ("webhook", '{"path": "x", "secret": "X"}')
    new["duration"] = ("cron", '"* * * * *"')
    for item in doc.items():
        if (
            item.key is None
            or item.name not in new
            or item.parent.block
            not in (
                "step",
                "trigger",
                "sleepConfig",
            )
        ):
            continue
        edit = insertion(item, *new[item.name])
        moved = mutated(doc, "DN2010", [edit], item.key_start)
        yield Mutation(moved.text, ("DN2010",), (edit.start, *moved.offsets))


@operator
def missing_bound(doc: Doc) -> Iterator[Mutation]:
    defaults = doc.root.get("defaults")
    for step in doc.steps:
        bound = TYPES[_type(step)].bound
        item = step.get("config", bound) if bound else None
        inherited = "wait_timeout" if bound == "timeout" else bound
        if item is None or (defaults and defaults.get(inherited)) or doc.root.get("imports"):
            continue
        edit = removal(item)
        if edit is not None:
            yield mutated(doc, "DN6001", [edit], step.get("config").key_start)


@operator
def missing_config(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        block = BLOCKS.get(TYPES[_type(step)].config or "")
        config = step.get("config")
        if block is None or config is None:
            continue
        edit = removal(config)
        if edit is not None and (block.one_of or any(key.required for key in block.keys)):
            yield mutated(doc, "DN2002", [edit], *_beginnings(config))


@operator
def misspelt_type_in_a_schema(doc: Doc) -> Iterator[Mutation]:
    for schema in _schemas(doc):
        item = schema.get("type")
        for wrong in misspelt(item.value) if item and item.is_scalar else ():
            yield replaced(item, doc.spelled(wrong), "DN2009")


@operator
def misspelt_keyword_in_a_schema(doc: Doc) -> Iterator[Mutation]:
    for schema in _schemas(doc):
        for item in schema.children:
            if item.name in {"$ref", "type"} or item.name.startswith("x-"):
                continue
            for wrong in misspelt(item.name):
                quote = '"' if doc.is_json else ""
                text = doc.text[: item.key_start] + quote + wrong + quote + doc.text[item.key_end :]
                # A warning: the schema holds as it stands, without what the keyword would declare.
                yield Mutation(text, ("DN2017",), (item.key_start,), EVERY_USE)


@operator
def reference_to_no_schema(doc: Doc) -> Iterator[Mutation]:
    for schema in _schemas(doc):
        item = schema.get("$ref")
        for wrong in misspelt(item.value.rsplit("/", 1)[1]) if item else ():
            yield replaced(item, f'"#/schemas/{wrong}"', "DN2016")


@operator
def default_that_does_not_fit(doc: Doc) -> Iterator[Mutation]:
    for schema in _schemas(doc):
        item = schema.get("type")
        if (
            item
            and item.is_scalar
            and item.value in {"integer", "array", "boolean"}
            and schema.get("default") is None
        ):
            yield added(schema, "default", doc.spelled("many"), "DN2018", at="value")


@operator
def bad_schedule(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.is_scalar and re.fullmatch(r"[0-9*]\S*( \S+){4}", item.value):
            for wrong in ("0 25 * * *", "* * *", "every day", "61 * * * *", "0 3 * * 1-"):
                yield replaced(item, doc.spelled(wrong, quoted=True), "DN2020")


@operator
def bad_time_zone(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "timezone" and item.key is not None:
            yield replaced(item, doc.spelled("+02:00", quoted=True), "DN2021")


@operator
def import_of_no_file(doc: Doc) -> Iterator[Mutation]:
    imports = doc.root.get("imports")
    for item in imports.children if imports else ():
        yield replaced(item, "shared/nothing.yaml", "DN2012")


@operator
def language_of_the_future(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.path == ("dagnats",):
            yield replaced(item, "2", "DN2006 DN2004")
