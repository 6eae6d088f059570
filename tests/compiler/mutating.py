"""Documents changed at random, as plain JSON: parts dropped, doubled, swapped, nested, retyped."""

import functools
import io
import json
import random
import re
from pathlib import Path

from ruamel.yaml import YAML

from dagnats.diagnostics.catalog import CATALOG
from dagnats.diagnostics.diagnostic import Sink
from dagnats.source.document import to_json
from dagnats.source.reader import read

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(?:yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"[ \t]*#! .*$", re.MULTILINE)
CHANGES_MAX = 4
DEPTH_MAX = 30
ODD = (
    None, True, False, 0, 1, -1, 2.5, 10**30, "", "a", "x-a", "1m", "${{ input }}", "${{ 1", [],
    {}, [[]], {"": {}}, [None], {"a": 1}, "steps.a.output", "é\u2028", {"type": "object"},
    {"$ref": "#"}, {"steps": []}, "dagnats", {"required": "a"}, {"$ref": 7}, {"x-note": 1},
)  # fmt: skip
TYPES = (
    "normal", "agent", "agent_loop", "planner", "map", "loop", "switch", "approval", "sleep",
    "wait_for_event", "sub_workflow", "transform", "emit", "respond", "continue_as_new", "fail",
)  # fmt: skip


@functools.cache
def seeds():
    """Return all documents of the tests, the documentation, the catalogue and the examples."""
    texts = []
    for folder in ("tests/cases", "tests/lang", "docs", "examples", "templates"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".md":
                found = FENCED.findall(path.read_text(encoding="utf-8"))
                texts += [NOTE.sub("", text) for text in found]
            elif path.suffix in {".yaml", ".yml", ".json"}:
                texts.append(path.read_text(encoding="utf-8"))
    texts += [text for entry in CATALOG.values() for text in (entry.bad, entry.good)]
    documents = []
    for text in texts:
        document = read(text, "seed", Sink())
        value = None if document is None else to_json(document.root)
        if isinstance(value, dict) and value.get("steps") and _depth(value) <= DEPTH_MAX:
            documents.append(value)
    return documents


def _depth(value):
    return max(len(path) for path in _places(value))


def mutated(dice: random.Random, documents):
    """Return one of the documents with a few changes."""
    value = json.loads(json.dumps(dice.choice(documents)))
    for _ in range(dice.randint(1, CHANGES_MAX)):
        value = _change(dice, value, documents)
    return value


def _places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _places(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _places(part, (*path, number))


def _at(value, path):
    for part in path:
        value = value[part]
    return value


def _change(dice, value, documents):
    places = list(_places(value))[1:]
    if not places:
        return value
    path = dice.choice(places)
    parent, key = _at(value, path[:-1]), path[-1]
    held = parent[key]
    kind = dice.randrange(11)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        parent[key] = _copy(dice.choice(ODD))
    elif kind == 2:
        other = dice.choice(places)
        parent[key] = _copy(_at(value, other))
    elif kind == 3:
        foreign = dice.choice(documents)
        parent[key] = _copy(_at(foreign, dice.choice(list(_places(foreign)))))
    elif kind == 4:
        parent[key] = [held] if dice.random() < 0.5 else {dice.choice("abx"): held}
    elif kind == 5 and isinstance(parent, list):
        parent.insert(key, _copy(held))
    elif kind == 6 and isinstance(held, dict):
        foreign = dice.choice(documents)
        for other in dice.sample(list(_places(foreign)), k=min(8, len(list(_places(foreign))))):
            part = _at(foreign, other)
            if isinstance(part, dict):
                held.update(_copy(part))
                break
    elif kind == 7:
        parent[key] = dice.choice(TYPES)
    elif kind == 8:
        steps = [p for p in places if p[-1] == "type"]
        if steps:
            chosen = dice.choice(steps)
            _at(value, chosen[:-1])["type"] = dice.choice(TYPES)
    elif kind == 9 and isinstance(parent, dict):
        parent[dice.choice(("x-a", "id", "steps", "config", "with", "type", "task"))] = _copy(held)
    elif kind == 10:
        body = [p for p in places if p[-1] in {"steps", "default", "finally"}]
        if body:
            chosen = dice.choice(body)
            _at(value, chosen[:-1])[chosen[-1]] = _copy(value.get("steps", []))
    return value


def _copy(value):
    return json.loads(json.dumps(value))


def as_yaml(value):
    """Return a document as YAML, its keys in their order."""
    yaml, out = YAML(pure=True), io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()
