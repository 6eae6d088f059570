"""What is said about old forms, and the forms that steps and the document share: paths, matches."""

from collections.abc import Mapping as AnyMapping
from typing import Any

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Sink
from dagnats.lang import gopaths, tree
from dagnats.lang.rewriting import Rewriting
from dagnats.source.document import Document, Entry, Mapping, Scalar, walk

INFO = Severity.INFO


class Notes:
    """Tells an author about old forms, with fixes."""

    def __init__(self, document: Document, sink: Sink) -> None:
        self.sink = sink
        self.rewriting = Rewriting(document.text)
        self._document = document
        self._owners: dict[int, Mapping] | None = None

    def owner(self, entry: Entry) -> Mapping | None:
        """Return the mapping that an entry stands in; looked up only when something is old."""
        if self._owners is None:
            self._owners = {
                id(each): node
                for node in walk(self._document.root)
                if isinstance(node, Mapping)
                for each in node.written
            }
        return self._owners.get(id(entry))

    def fix(
        self, title: str, block: tree.Block, entry: Entry, pairs: AnyMapping[str, Any]
    ) -> tuple[Fix, ...]:
        """Return the fix that writes other keys for an entry, if there is one."""
        owner = None if block.file else self.owner(entry)
        return () if owner is None else self.rewriting.fix(title, owner, entry, pairs)

    def old(self, entry: Entry, name: str, fixes: tuple[Fix, ...]) -> None:
        """Say that a key has another form now."""
        message, help_ = f"`{entry.key}` is the old form of `{name}`", f"write `{name}`"
        self.sink.add(Diagnostic("DN9001", message, entry.key_span, INFO, help=help_, fixes=fixes))

    def spelling(self, entry: Entry, name: str, fixes: tuple[Fix, ...]) -> None:
        """Say that a key is spelt otherwise now."""
        message, help_ = f"`{entry.key}` is the old spelling of `{name}`", f"write `{name}`"
        self.sink.add(Diagnostic("DN9001", message, entry.key_span, INFO, help=help_, fixes=fixes))

    def without_effect(
        self,
        node: Mapping | None,
        entry: Entry,
        block: tree.Block | None = None,
        pairs: AnyMapping[str, Any] | None = None,
        more: tuple[Edit, ...] = (),
    ) -> None:
        """Say that a key says nothing; `pairs` and `more` are written for what it implied."""
        owner = node or self.owner(entry)
        title = f"remove `{entry.key}`" if not pairs else f"write `{', '.join(pairs)}` instead"
        fixes: tuple[Fix, ...] = ()
        if owner is not None and (block is None or block.file is None):
            fixes = self.rewriting.fix(title, owner, entry, pairs or {})
            fixes = tuple(fix._replace(edits=(*fix.edits, *more)) for fix in fixes)
        message = f"`{entry.key}` is old and has no effect"
        self.sink.add(Diagnostic("DN9013", message, entry.key_span, INFO, help=title, fixes=fixes))

    def twice(self, old: Entry, new: Entry) -> None:
        """Say that two keys are the same."""
        labels = (Label(new.key_span, "the same, as it is spelt now"),)
        message = f"`{old.key}` and `{new.key}` are the same key"
        help_ = f"remove `{old.key}`"
        self.sink.add(Diagnostic("DN2008", message, old.key_span, labels=labels, help=help_))

    def path(
        self,
        block: tree.Block,
        key: str,
        embedded: tree.Embedded | None,
        schema: Any = None,
        *,
        root: str = "input",
    ) -> tree.Embedded | None:
        """Return the expression that a bare path stands for, if one stands there."""
        entry = block.keys.get(key)
        value = entry.value.value if entry and isinstance(entry.value, Scalar) else None
        if entry is None or not isinstance(value, str):
            return embedded
        if value == "":
            self.without_effect(None, entry, block)
            return None
        parts = gopaths.bare_path(value)
        if parts is None:
            return embedded
        text = gopaths.select(root, parts)
        if root == "input":
            text = gopaths.field_of_input(schema, parts)
        fixes = self.fix(f"write `{text}`", block, entry, {key: text})
        message = f"a path without its beginning: `{value}` is `{text}`"
        help_ = f"write `{text}`"
        span = entry.value.span
        self.sink.add(Diagnostic("DN9001", message, span, INFO, help=help_, fixes=fixes))
        return gopaths.generated(text, span)

    def match(
        self,
        block: tree.Block,
        match: tree.GoMatch,
        schema: Any,
        steps: AnyMapping[str, tree.Step],
        more: AnyMapping[str, Any] | None = None,
    ) -> tree.Embedded | None:
        """Return the condition that a comparison of Go stands for; `more` is written beside it."""
        entry = block.keys["match"]
        if not (match.left or match.op or match.right):
            self.without_effect(None, entry, block)
            return None
        right = self._right(match, schema, steps)
        if right is None or not match.left or not match.op:
            if right is not None:
                key = "op" if match.left else "left"
                message, help_ = f"`{key}` of a match is empty", "write all three, or no match"
                self.sink.add(Diagnostic("DN2019", message, match.place(key), help=help_))
            return None
        text = gopaths.event_matches(match.left.split("."), right)
        pairs = {"match": text, **(more or {})}
        fixes = self.fix("write a condition", block, entry, pairs)
        self.old(entry, "match: EXPRESSION", fixes)
        return gopaths.generated(text, entry.value.span)

    def _right(
        self, match: tree.GoMatch, schema: Any, steps: AnyMapping[str, tree.Step]
    ) -> str | None:
        root, *parts = match.right.split(".")
        if root == "input" and all(parts) and parts:
            return gopaths.field_of_input(schema, parts)
        dotted = [id_ for id_ in steps if "." in id_ and match.right.startswith(f"step.{id_}.")]
        if root == "step" and dotted:
            name = max(dotted, key=len)
            parts = [name, *match.right.removeprefix(f"step.{name}.").split(".")]
        if root == "step" and len(parts) > 2 and all(parts):
            step = steps.get(parts[0])
            may_miss = step is not None and (step.skip_if is not None or step.when is not None)
            return gopaths.step_output(parts[0], parts[2:], may_miss=may_miss)
        if match.right and root not in {"input", "step"}:
            return None  # its form is wrong already
        message = f"`{match.right}` is no path into the input or into the output of a step"
        help_ = "write `input.FIELD` or `step.ID.output.FIELD`"
        self.sink.add(Diagnostic("DN2019", message, match.place("right"), help=help_))
        return None
