"""What the Go dagnats wrote otherwise, in the terms of today: a tree goes in, a tree comes out.

skip_if: {step_id: a, field: ok, op: "==", value: false}   →  when: …, and who waits accepts it

Each old form draws a hint (DN9001; DN9013 where it never had an effect) with a fix that leads to
the same tree. What has no meaning even in Go is an error (DN2019). Handles what concerns the whole
document; `legacy_steps` has what concerns steps.
"""

from typing import Any

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Label, Sink
from dagnats.lang import tree
from dagnats.lang.legacy_retries import is_of_go, modern_retry
from dagnats.lang.legacy_steps import Scopes
from dagnats.lang.legacy_triggers import modern_trigger
from dagnats.lang.notes import Notes
from dagnats.lang.walk import all_steps, each_scope, each_step
from dagnats.source.document import Document, Entry, Mapping, to_json

GO_RETRY: dict[str, Any] = {
    "strategy": "fixed",
    "initial_delay": 1_000,
    "max_delay": 3_600_000,
    "multiplier": 2.0,
}
"""What a policy of a step has that gives nothing else, where it takes the place of a default."""


def modern(workflow: tree.Workflow, document: Document, sink: Sink) -> tree.Workflow:
    """Return a workflow without old forms."""
    notes = Notes(document, sink)
    root = document.root
    assert isinstance(root, Mapping), "it has been read"
    is_go = "dagnats" not in workflow.keys
    if is_go:
        workflow = _with_modern_retries(workflow, notes)
    workflow = _Whole(workflow, root, notes).modern()
    if workflow.triggers:
        triggers = tuple([modern_trigger(t, workflow, notes) for t in workflow.triggers])
        workflow = structs.replace(workflow, triggers=triggers)
    return each_scope(workflow, Scopes(workflow, notes, is_go=is_go).modern)


def _with_modern_retries(workflow: tree.Workflow, notes: Notes) -> tree.Workflow:
    def changed(step: tree.Step) -> tree.Step:
        if step.retry is None or not is_of_go(step.retry):
            return step
        return structs.replace(step, retry=modern_retry(step.retry, notes))

    changes: dict[str, Any] = {}
    retry, defaults = workflow.default_retry, workflow.defaults
    if retry is not None and is_of_go(retry):
        changes["default_retry"] = modern_retry(retry, notes)
    inherited = None if defaults is None else defaults.retry
    if defaults is not None and inherited is not None and is_of_go(inherited):
        changes["defaults"] = structs.replace(defaults, retry=modern_retry(inherited, notes))
    workflow = structs.replace(workflow, **changes) if changes else workflow
    return each_step(workflow, changed)


class _Whole:
    """What concerns the whole document."""

    def __init__(self, workflow: tree.Workflow, root: Mapping, notes: Notes) -> None:
        self._workflow = workflow
        self._root = root
        self._notes = notes

    def modern(self) -> tree.Workflow:
        workflow, changes = self._workflow, dict[str, Any]()
        keys = workflow.keys
        if workflow.default_retry is not None:
            workflow = self._default_retry(workflow.default_retry)
        if "aux_steps" in keys:
            self._notes.without_effect(self._root, keys["aux_steps"])
            changes["aux_steps"] = {}
        if workflow.sticky == "":
            self._notes.without_effect(self._root, keys["sticky"])
            changes["sticky"] = None
        if "idempotency_key" in keys:
            changes["idempotency_key"] = self._path(workflow, workflow.idempotency_key)
        if workflow.priority is not None:
            changes["priority"] = self._keyed(workflow.priority)
        if workflow.singleton is not None:
            changes["singleton"] = self._keyed(workflow.singleton)
        if workflow.cancel_on:
            changes["cancel_on"] = tuple(map(self._cancel_on, workflow.cancel_on))
        return structs.replace(workflow, **changes) if changes else workflow

    def _default_retry(self, retry: tree.Retry) -> tree.Workflow:
        """Make a default of it; a policy of a step then takes its place as a whole."""
        workflow, notes = self._workflow, self._notes
        entry = workflow.keys["default_retry"]
        defaults = workflow.defaults
        if defaults is not None and defaults.retry is not None:
            place = defaults.key_place("retry")
            labels = (Label(place, "the same, as it is spelt now", defaults.file),)
            message = "`default_retry` and `defaults.retry` are the same"
            help_ = "remove `default_retry`"
            span = entry.key_span
            notes.sink.add(Diagnostic("DN2008", message, span, labels=labels, help=help_))
            return structs.replace(workflow, default_retry=None)
        fixes = self._retry_fix(entry)
        own = [step for step in all_steps(workflow) if step.retry is not None]
        if own:
            fixes = tuple(fix._replace(applicability="unsafe") for fix in fixes)
        notes.old(entry, "defaults.retry", fixes)
        if defaults is None:
            defaults = tree.Defaults(span=entry.value.span, keys={"retry": entry}, retry=retry)
        else:
            defaults = structs.replace(defaults, retry=retry)
        workflow = structs.replace(workflow, default_retry=None, defaults=defaults)
        return each_step(workflow, _with_go_retry) if own else workflow

    def _retry_fix(self, entry: Entry) -> tuple[Fix, ...]:
        """Return the fix that moves the policy into `defaults`, which may be there."""
        rewriting, title = self._notes.rewriting, "write `defaults.retry`"
        policy = to_json(entry.value)
        there = self._root.entry("defaults")
        if there is None:
            pairs = {"defaults": {"retry": policy}}
            return rewriting.fix(title, self._root, entry, pairs)
        edit = rewriting.insert(there, "retry", policy)
        removal, is_kept = rewriting.replace(self._root, entry, {})
        if edit is None or not removal:
            return ()
        return (Fix(title, (edit, *removal), "safe" if is_kept else "unsafe"),)

    def _path(
        self, block: Any, embedded: tree.Embedded | None, key: str = "idempotency_key"
    ) -> Any:
        return self._notes.path(block, key, embedded, self._workflow.input)

    def _keyed(self, block: Any) -> Any:
        key = self._path(block, block.key, "key")
        return block if key is block.key else structs.replace(block, key=key)

    def _cancel_on(self, cancel: tree.CancelOn) -> tree.CancelOn:
        if not isinstance(cancel.match, tree.GoMatch):
            return cancel
        steps = {step.id: step for step in self._workflow.steps}
        return structs.replace(
            cancel, match=self._notes.match(cancel, cancel.match, self._workflow.input, steps)
        )


def _with_go_retry(step: tree.Step) -> tree.Step:
    """Let a policy give all that it would otherwise inherit."""
    if step.retry is None:
        return step
    missing = {key: value for key, value in GO_RETRY.items() if getattr(step.retry, key) is None}
    return structs.replace(step, retry=structs.replace(step.retry, **missing))
