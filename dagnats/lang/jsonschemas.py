"""The JSON Schemas inside of documents: that they are some, what they refer to, what they say.

{type: string, minLenght: 1}      →  DN2017 `minLenght` is no keyword of JSON Schema

`$ref: '#/schemas/NAME'` means a schema under `schemas`, here or imported. It is resolved by taking
what is meant into the `$defs` of the schema that refers to it, so that each one stands by itself.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink, Source
from dagnats.lang import tree
from dagnats.lang.shared import Defined, Definitions
from dagnats.lang.walk import all_steps, each_step
from dagnats.source.document import Entry, Node, Sequence, locate, to_json
from dagnats.source.document import Mapping as Object
from dagnats.source.shape import check_value, schema_problem
from dagnats.source.spelling import guess_word

SHARED = "#/schemas/"
_ONE = frozenset(
    {
        "not", "if", "then", "else", "items", "contains", "propertyNames", "additionalProperties",
        "additionalItems", "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    }
)  # fmt: skip
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_PLAIN = frozenset(
    {
        "type", "enum", "const", "required", "minimum", "maximum", "exclusiveMinimum",
        "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems",
        "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties",
        "dependentRequired", "dependencies", "title", "description", "default", "examples",
        "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "nullable",
        "markdownDescription", "$schema", "$id", "$ref", "$anchor", "$dynamicRef",
        "$dynamicAnchor", "$comment", "$vocabulary",
    }
)  # fmt: skip
_KNOWN = _ONE | _NAMED | _MANY | _PLAIN
_VALUES = frozenset({"const", "enum", "default", "examples"})
"""Keywords that hold values, in which nothing is a schema."""


class Held(NamedTuple):
    """A JSON Schema of a document: how it is called, and where it stands."""

    called: str
    entry: Entry


def held_by(root: tree.Workflow | tree.Library) -> Iterator[Held]:
    """Yield the schemas that stand in a file."""
    if isinstance(root, tree.Workflow):
        yield from _own(root)
    for task in _entries(root, "tasks"):
        for key in ("input", "output"):
            entry = task.value.entry(key) if isinstance(task.value, Object) else None
            if entry is not None:
                yield Held(f"`{key}` of `{task.key}`", entry)
    for section, noun in (("events", "event"), ("schemas", "schema")):
        for entry in _entries(root, section):
            yield Held(f"the {noun} `{entry.key}`", entry)


def _own(workflow: tree.Workflow) -> Iterator[Held]:
    """Yield the schemas of a workflow that no other file can have."""
    for key in ("input", "output_schema"):
        if key in workflow.keys:
            yield Held(f"`{key}`", workflow.keys[key])
    for step in all_steps(workflow):
        if isinstance(step.config, tree.Approval) and "form" in step.config.keys:
            yield Held(f"`form` of `{step.id}`", step.config.keys["form"])


def _entries(root: tree.Workflow | tree.Library, section: str) -> tuple[Entry, ...]:
    value = root.keys[section].value if section in root.keys else None
    return value.entries if isinstance(value, Object) else ()


def check_schemas(
    root: tree.Workflow | tree.Library,
    names: Mapping[str, Defined],
    sink: Sink,
    file: Source | None = None,
) -> None:
    """Report what is wrong with the schemas of a file that sees some shared ones.

    DN2009: it is none. DN2016: a reference that leads nowhere. DN2017: an unknown keyword. DN2018:
    a default or example that does not fit.
    """
    for held in held_by(root):
        if isinstance(held.entry.value, Object):
            _Check(held, names, sink, file).check()


class _Check:
    """Looks through one schema."""

    def __init__(
        self, held: Held, names: Mapping[str, Defined], sink: Sink, file: Source | None
    ) -> None:
        self._held = held
        self._names = names
        self._sink = sink
        self._file = file
        self._raw = to_json(held.entry.value)
        self._lost = False
        self._samples: list[Object] = []

    def check(self) -> None:
        self._schema(self._held.entry.value)
        if self._lost:
            return
        whole = inline(self._raw, self._names)
        problem = schema_problem(whole)
        if problem is not None:
            path, words = problem
            node, entry = locate(self._held.entry.value, path)
            span = node.span if node.span.end > node.span.start or entry is None else entry.key_span
            message = f"{self._held.called} is no JSON Schema: {words}"
            help_ = "write it as in draft 2020-12, as `{type: string}`"
            self._tell(Diagnostic("DN2009", message, span, help=help_))
            return
        definitions = whole.get("$defs", {}) if isinstance(whole, dict) else {}
        for node in self._samples:
            self._sample(node, definitions)

    def _tell(self, finding: Diagnostic) -> None:
        self._sink.add(finding.within(self._file))

    def _schema(self, node: Node) -> None:
        """Look through a schema and those inside of it."""
        if not isinstance(node, Object):
            return
        if node.entry("default") is not None or node.entry("examples") is not None:
            self._samples.append(node)
        for entry in node.entries:
            key, value = entry.key, entry.value
            if key == "$ref":
                self._reference(value)
            elif key not in _KNOWN and not key.startswith("x-"):
                self._unknown(entry)
            for part in _below(key, value):
                self._schema(part)

    def _unknown(self, entry: Entry) -> None:
        message = f"`{entry.key}` is no keyword of JSON Schema"
        guess = guess_word(entry.key, _KNOWN)
        nearest = guess.word if guess else None
        exact = next((word for word in _KNOWN if word.lower() == entry.key.lower()), nearest)
        help_ = "it says nothing; what begins with `x-` is yours"
        fixes: tuple[Fix, ...] = ()
        span = entry.key_span
        if exact is not None:
            help_ = f"did you mean `{exact}`?"
            quoted = span.end.offset - span.start.offset > len(entry.key)
            edit = Edit(span, json.dumps(exact) if quoted else exact)
            fixes = (Fix(f"write `{exact}`", (edit,)),)
        warning = Severity.WARNING
        self._tell(Diagnostic("DN2017", message, span, warning, help=help_, fixes=fixes))

    def _reference(self, node: Node) -> None:
        target = to_json(node)
        if not isinstance(target, str) or self._leads(target):
            return
        self._lost = True
        message = f"`{target}` leads nowhere"
        help_ = "refer to a schema under `schemas` by `#/schemas/NAME`"
        fixes: tuple[Fix, ...] = ()
        if target.startswith(SHARED):
            guess = guess_word(target.removeprefix(SHARED), self._names)
            if guess is not None:
                help_ = f"did you mean `{SHARED}{guess.word}`?"
                edit = Edit(node.span, json.dumps(f"{SHARED}{guess.word}"))
                fixes = (Fix(f"write `{SHARED}{guess.word}`", (edit,)),)
            elif self._names:
                help_ = f"there are {', '.join(f'`{SHARED}{name}`' for name in self._names)}"
        elif not target.startswith("#"):
            help_ = "nothing is ever fetched: put the schema under `schemas`, or import it"
        self._tell(Diagnostic("DN2016", message, node.span, help=help_, fixes=fixes))

    def _leads(self, target: str) -> bool:
        if target.startswith(SHARED):
            name, _, rest = target.removeprefix(SHARED).partition("/")
            found = self._names.get(name)
            return found is not None and _points(found.value, rest)
        if target == "#" or (target.startswith("#") and target[1] != "/"):
            return True  # an anchor: the validator knows
        return target.startswith("#/") and _points(self._raw, target[2:])

    def _sample(self, node: Object, definitions: dict[str, Any]) -> None:
        """Report a default or examples that do not fit what stands beside them."""
        schema: Any = inline(to_json(node), self._names)
        if '"$ref": "#' in json.dumps(schema):
            schema = {**schema, "$defs": {**definitions, **schema.get("$defs", {})}}
        if schema_problem(schema) is not None:
            return
        samples: list[tuple[str, Node]] = []
        if (value := node.get("default")) is not None:
            samples.append(("the default", value))
        examples = node.get("examples")
        if isinstance(examples, Sequence):
            samples += [("the example", item) for item in examples.items]
        for noun, value in samples:
            for wrong in check_value(schema, to_json(value))[:1]:
                message = f"{noun} does not fit its own schema: {wrong.removeprefix('at $: ')}"
                warning, help_ = Severity.WARNING, "mend it, or the schema"
                self._tell(Diagnostic("DN2018", message, value.span, warning, help=help_))


def _below(key: str, value: Node) -> tuple[Node, ...]:
    """Return the schemas that a keyword holds."""
    if key in _NAMED and isinstance(value, Object):
        return tuple(entry.value for entry in value.entries)
    if key in _MANY and isinstance(value, Sequence):
        return value.items
    return (value,) if key in _ONE else ()


def _points(value: Any, pointer: str) -> bool:
    """Whether a JSON pointer leads somewhere in a value."""
    for part in pointer.split("/") if pointer else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False
    return True


# Resolving


def inline(schema: Any, names: Mapping[str, Defined]) -> Any:
    """Return a schema with the shared ones that it needs in its own `$defs`."""
    if not isinstance(schema, dict) or SHARED not in json.dumps(schema):
        return schema
    needed: dict[str, Any] = {}
    waiting: list[str] = []

    def refer(target: str, base: str) -> str:
        if target.startswith(SHARED):
            name, _, rest = target.removeprefix(SHARED).partition("/")
            if name not in names:
                return target
            if name not in needed:
                needed[name] = None
                waiting.append(name)
            return _key(name) + (f"/{rest}" if rest else "")
        if base and (target == "#" or target.startswith("#/")):
            return _key(base) + target[1:]
        return target

    root = _rewritten(schema, "", refer)
    while waiting:
        name = waiting.pop()
        needed[name] = _rewritten(names[name].value, name, refer)
    definitions = {_key(name).removeprefix("#/$defs/"): value for name, value in needed.items()}
    return {**root, "$defs": {**root.get("$defs", {}), **definitions}}


def _key(name: str) -> str:
    return f"#/$defs/schemas.{name}"


def _rewritten(value: Any, base: str, refer: Callable[[str, str], str]) -> Any:
    match value:
        case dict():
            return {
                key: refer(part, base)
                if key == "$ref" and isinstance(part, str)
                else part
                if key in _VALUES
                else _rewritten(part, base, refer)
                for key, part in value.items()
            }
        case list():
            return [_rewritten(part, base, refer) for part in value]
        case _:
            return value


def resolved(definitions: Definitions, file: Source | None) -> Definitions:
    """Return definitions with the references in those of one file resolved."""
    names = definitions.sections["schemas"]

    def value_of(value: Any) -> Any:
        if isinstance(value, tree.Contract):
            return structs.replace(
                value, input=inline(value.input, names), output=inline(value.output, names)
            )
        return inline(value, names)

    sections = {
        section: {
            name: defined._replace(value=value_of(defined.value))
            if defined.file == file and _refers(defined.value)
            else defined
            for name, defined in found.items()
        }
        for section, found in definitions.sections.items()
    }
    return definitions._replace(sections=sections)


def _refers(value: Any) -> bool:
    said = (value.input, value.output) if isinstance(value, tree.Contract) else value
    return SHARED in json.dumps(said)


def resolve_steps(workflow: tree.Workflow, names: Mapping[str, Defined]) -> tree.Workflow:
    """Return a workflow with the references in its own schemas resolved."""

    def step(each: tree.Step) -> tree.Step:
        if not isinstance(each.config, tree.Approval) or not _refers(each.config.form):
            return each
        form = inline(each.config.form, names)
        return structs.replace(each, config=structs.replace(each.config, form=form))

    found = each_step(workflow, step)
    return structs.replace(
        found,
        input=inline(found.input, names),
        output_schema=inline(found.output_schema, names),
    )
