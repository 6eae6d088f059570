"""Keys that begin with `x-` may stand in every block of the language, and mean nothing."""

import functools
import json

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import digest
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import Either, ListOf, MapOf, Ref
from tests.compiler.mutating import seeds

CONFIGS = {kind.name: kind.config for kind in STEP_TYPES}
NOTE = {"a": [1, {"x-b": None}], "${{ 1": "${{ nothing }}"}


MORE = {
    "name": "n",
    "triggers": [
        {"id": "a", "subject": {"subject": "orders.paid"}},
        {"id": "b", "external": {"kind": "queue", "config": {"x-c": 1}}},
    ],
    "steps": [{"id": "a", "task": "t", "rate_limit": {"limit": 3, "period": "1s"}}],
}


class Noting:
    """Writes a note into each block of a document, and keeps which blocks there were."""

    def __init__(self):
        self.blocks = set()

    def block(self, name, value):
        if not isinstance(value, dict):
            return value
        self.blocks.add(name)
        table = {s: key for key in BLOCKS[name].keys for s in (key.name, *key.old)}
        found = {k: self.value(table[k].kind, v) if k in table else v for k, v in value.items()}
        if name == "step" and "config" in value:
            config = CONFIGS.get(value.get("type", "normal"))
            found["config"] = self.block(config, value["config"]) if config else value["config"]
        return {"x-first": NOTE, **found, "x-last": 7}

    def value(self, kind, value):
        match kind:
            case Ref(block=name):
                return self.block(name, value)
            case ListOf(item=item) if isinstance(value, list):
                return [self.value(item, each) for each in value]
            case MapOf(value=item) if isinstance(value, dict):
                return {key: self.value(item, each) for key, each in value.items()}
            case Either(kinds=kinds):
                for part in kinds:
                    if isinstance(part, Ref | MapOf) is isinstance(value, dict):
                        return self.value(part, value)
        return value


@functools.cache
def sound():
    """Return the documents that compile, with the digests of their programs."""
    found = []
    for document in (*seeds(), MORE):
        program = compile_workflow(json.dumps(document)).program
        if program is not None:
            found.append((document, digest(program)))
    return found


@pytest.mark.slow
def test_notes_change_no_program():
    for document, meant in sound():
        text = json.dumps(Noting().block("workflow", document))
        found = compile_workflow(text)
        assert found.program is not None, (text, found.diagnostics)
        assert digest(found.program) == meant, text


@pytest.mark.slow
def test_nearly_every_block_was_noted():
    noting = Noting()
    for document, _ in sound():
        noting.block("workflow", document)
    # A library is no workflow, and what is old is read in another place.
    assert BLOCKS.keys() - noting.blocks <= {"library", "goMatch", "skipIf"}


@pytest.mark.parametrize("name", BLOCKS)
def test_no_key_of_ours_looks_like_a_note(name):
    assert not [key.name for key in BLOCKS[name].keys if key.name.startswith("x-")]
