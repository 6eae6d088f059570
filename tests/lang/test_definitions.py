"""The definitions are the one source: tree, schema and reference say what they say."""

import json
import os
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.read import CLASSES
from dagnats.lang.reference import reference
from dagnats.lang.schema import draft_07, library_schema, workflow_schema

ROOT = Path(__file__).parents[2]
SCHEMAS = {
    "workflow.schema.json": workflow_schema,
    "workflow.draft-07.schema.json": lambda: draft_07(workflow_schema()),
    "library.schema.json": library_schema,
}
KEYS = [(block, key) for block in BLOCKS.values() for key in block.keys]
NAMES = [f"{block.name}.{key.name}" for block, key in KEYS]


def blessed(path, text):
    """Return what a published file holds, after writing it when asked to."""
    if os.environ.get("DAGNATS_BLESS"):
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8") if path.exists() else None


def schema_of(block):
    """Return the schema of a block, with all that it refers to."""
    whole = workflow_schema() if block.name != "library" else library_schema()
    part = whole["$defs"].get(block.name, whole)
    return {**part, "$defs": whole["$defs"]}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_each_block_has_a_class_with_a_field_for_each_key(block):
    fields = set(CLASSES[block.name].__struct_fields__) - {"span", "keys", "file"}
    assert fields == {key.attribute for key in block.keys}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_what_a_class_needs_is_what_is_required(block):
    fields = {field.name for field in msgspec.structs.fields(CLASSES[block.name]) if field.required}
    assert fields - {"span", "keys", "file"} == {
        key.attribute for key in block.keys if key.required
    }


@pytest.mark.parametrize(("block", "key"), KEYS, ids=NAMES)
def test_each_key_is_titled_described_and_has_examples_that_are_valid(block, key):
    assert key.title
    assert key.doc.endswith(".")
    assert key.examples
    whole = schema_of(block)
    validator = jsonschema_rs.Draft202012Validator(
        {**whole["properties"][key.name], "$defs": whole["$defs"]}
    )
    assert [e for e in key.examples if not validator.is_valid(e)] == []


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_the_examples_of_a_block_are_valid(block):
    validator = jsonschema_rs.Draft202012Validator(schema_of(block))
    assert [e for e in block.examples if not validator.is_valid(e)] == []


def test_every_type_of_step_has_its_own_config():
    steps = {block.name for block in BLOCKS.values() if block.name.endswith("Config")}
    assert steps == {kind.config for kind in STEP_TYPES if kind.config}
    for kind in STEP_TYPES:
        names = {key.name for key in BLOCKS[kind.config].keys} if kind.config else set()
        assert kind.bound is None or kind.bound in names


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_the_one_of_the_definitions(name):
    text = json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"
    assert text == blessed(ROOT / "schemas" / name, text), "run `make bless`"


def test_the_published_schemas_are_schemas():
    jsonschema_rs.meta.validate(workflow_schema())
    jsonschema_rs.meta.validate(library_schema())
    old = draft_07(workflow_schema())
    jsonschema_rs.meta.validate(old)
    assert "$defs" not in json.dumps(old)


def test_the_reference_is_the_one_of_the_definitions():
    text = reference()
    assert text == blessed(ROOT / "docs" / "reference.md", text), "run `make bless`"
