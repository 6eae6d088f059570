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
from dagnats.lang.legacy_steps import Scopes
from dagnats.lang.notes import Notes
from dagnats.lang.walk import all_steps, each_scope, each_step
from dagnats.source.document import Document, Mapping, to_json
from dagnats.timespec import format_duration

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
    workflow = _Whole(workflow, root, notes).modern()
    return each_scope(workflow, Scopes(workflow, notes).modern)


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
        if workflow.triggers:
            changes["triggers"] = tuple(map(self._trigger, workflow.triggers))
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
        fixes: tuple[Fix, ...] = ()
        if "defaults" not in workflow.keys:
            pairs = {"defaults": {"retry": to_json(entry.value)}}
            fixes = notes.rewriting.fix("write `defaults.retry`", self._root, entry, pairs)
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

    # Triggers

    def _trigger(self, trigger: tree.Trigger) -> tree.Trigger:
        changes: dict[str, Any] = {}
        if "workflow_id" in trigger.keys:
            changes |= self._workflow_id(trigger)
        if "source" in trigger.keys:
            self._notes.without_effect(None, trigger.keys["source"], trigger)
            changes["source"] = None
        if trigger.cron is not None and trigger.cron.timezone == "":
            self._notes.without_effect(None, trigger.cron.keys["timezone"], trigger.cron)
            changes["cron"] = structs.replace(trigger.cron, timezone=None)
        if trigger.http is not None and "timeout_ms" in trigger.http.keys:
            changes["http"] = self._http(trigger.http)
        debounce = trigger.debounce
        if debounce is not None and debounce.key is not None:
            key = self._notes.path(debounce, "key", debounce.key, root="trigger.data")
            changes["debounce"] = structs.replace(debounce, key=key)
        return structs.replace(trigger, **changes) if changes else trigger

    def _workflow_id(self, trigger: tree.Trigger) -> dict[str, Any]:
        """Take this workflow for it; a trigger of Go is off unless it says that it is on."""
        entry = trigger.keys["workflow_id"]
        name = self._workflow.name
        if trigger.workflow_id != name:
            message = f"the trigger is for `{trigger.workflow_id}`, and this is `{name}`"
            help_ = "move the trigger to the workflow that it starts"
            self._notes.sink.add(Diagnostic("DN2019", message, entry.value.span, help=help_))
        changes: dict[str, Any] = {"workflow_id": None}
        pairs: dict[str, Any] = {}
        if "enabled" not in trigger.keys:
            changes["enabled"] = False
            pairs = {"enabled": False}
        self._notes.without_effect(None, entry, trigger, pairs)
        return changes

    def _http(self, http: tree.HttpTrigger) -> tree.HttpTrigger:
        entry = http.keys["timeout_ms"]
        milliseconds = http.timeout_ms or None
        if "timeout" in http.keys:
            self._notes.twice(entry, http.keys["timeout"])
            return structs.replace(http, timeout_ms=None)
        pairs = {} if milliseconds is None else {"timeout": format_duration(milliseconds)}
        fixes = self._notes.fix("write `timeout`", http, entry, pairs)
        self._notes.old(entry, "timeout", fixes)
        return structs.replace(http, timeout_ms=None, timeout=milliseconds)


def _with_go_retry(step: tree.Step) -> tree.Step:
    """Let a policy give all that it would otherwise inherit."""
    if step.retry is None:
        return step
    missing = {key: value for key, value in GO_RETRY.items() if getattr(step.retry, key) is None}
    return structs.replace(step, retry=structs.replace(step.retry, **missing))
