"""Triggers as the Go dagnats writes them: off unless they say otherwise, secrets in the open.

{id: t, workflow_id: n, webhook: {path: /p, secret: s3cr3t}}
    →  {id: t, enabled: false, webhook: {path: /p, secret_value: s3cr3t}}, and DN8008

A trigger is one of Go where it has a `workflow_id` and the document does not say `dagnats: 1`.
"""

from typing import Any

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Fix, Severity
from dagnats.lang import gopaths, tree
from dagnats.lang.notes import Notes
from dagnats.lang.rewriting import renaming
from dagnats.source.document import Entry, Scalar
from dagnats.timespec import format_duration

HTTP_SECRET_CHARS_MIN = 16
"""The shortest secret of an `http` trigger of Go."""


def modern_trigger(trigger: tree.Trigger, workflow: tree.Workflow, notes: Notes) -> tree.Trigger:
    """Return a trigger without old forms."""
    is_go = "dagnats" not in workflow.keys and "workflow_id" in trigger.keys
    return _Trigger(trigger, workflow.name, notes, is_go=is_go).modern()


class _Trigger:
    def __init__(self, trigger: tree.Trigger, name: str, notes: Notes, *, is_go: bool) -> None:
        self._trigger = trigger
        self._name = name
        self._notes = notes
        self._is_go = is_go

    def modern(self) -> tree.Trigger:
        trigger, changes = self._trigger, dict[str, Any]()
        if "workflow_id" in trigger.keys:
            changes |= self._workflow_id()
        if "source" in trigger.keys:
            self._notes.without_effect(None, trigger.keys["source"], trigger)
            changes["source"] = None
        if trigger.cron is not None and trigger.cron.timezone == "":
            self._notes.without_effect(None, trigger.cron.keys["timezone"], trigger.cron)
            changes["cron"] = structs.replace(trigger.cron, timezone=None)
        if trigger.webhook is not None:
            changes["webhook"] = self._secret(trigger.webhook)
        if trigger.http is not None:
            changes["http"] = self._http(trigger.http)
        if trigger.run_terminal is not None:
            changes |= self._run_terminal(trigger.run_terminal)
        debounce = trigger.debounce
        if debounce is not None and debounce.key is not None:
            key = self._notes.path(debounce, "key", debounce.key, root="trigger.data")
            changes["debounce"] = structs.replace(debounce, key=key)
        return structs.replace(trigger, **changes) if changes else trigger

    def _workflow_id(self) -> dict[str, Any]:
        """Take this workflow for it; a trigger of Go is off unless it says that it is on."""
        trigger, name = self._trigger, self._name
        entry = trigger.keys["workflow_id"]
        if trigger.workflow_id not in {name, ""}:
            message = f"the trigger is for `{trigger.workflow_id}`, and this is `{name}`"
            help_ = "move the trigger to the workflow that it starts"
            self._notes.sink.add(Diagnostic("DN2019", message, entry.value.span, help=help_))
        changes: dict[str, Any] = {"workflow_id": None}
        pairs: dict[str, Any] = {}
        if "enabled" not in trigger.keys:
            changes["enabled"] = False
            pairs = {"enabled": False}
        # Without it, what was a secret would be the name of one.
        more = [renaming(secret, "secret_value") for secret in self._secrets()]
        edits = tuple(edit for fix in more for edit in fix.edits)
        self._notes.without_effect(None, entry, trigger, pairs, edits)
        return changes

    # Secrets

    def _secrets(self) -> list[Entry]:
        """Return where secrets of Go stand."""
        blocks = (self._trigger.webhook, self._trigger.http) if self._is_go else ()
        return [block.keys["secret"] for block in blocks if block is not None and block.secret]

    def _secret(self, block: Any) -> Any:
        """Return a webhook or endpoint of which Go's secret is known to be one."""
        changes: dict[str, Any] = {}
        if self._is_go and block.secret:
            changes = {"secret": None, "secret_value": block.secret}
        elif block.secret_value:
            # Requests are signed, as by a secret that is named.
            changes = {"keys": {**block.keys, "secret": block.keys["secret_value"]}}
        if not changes:
            return block
        block = structs.replace(block, **changes)
        entry = block.keys["secret"]
        fixes: tuple[Fix, ...] = ()
        if entry.key == "secret" and not entry.merged:
            fixes = (renaming(entry, "secret_value"),)
        message = "the secret itself stands here, for everyone to read"
        help_ = "name one, as `secret: WEBHOOK_KEY`, let the server know its value, and change it"
        span = entry.key_span
        self._notes.sink.add(
            Diagnostic("DN8008", message, span, Severity.WARNING, help=help_, fixes=fixes)
        )
        return block

    def _http(self, http: tree.HttpTrigger) -> tree.HttpTrigger:
        http = self._secret(http)
        if http.secret_value and len(http.secret_value) < HTTP_SECRET_CHARS_MIN:
            message = f"a secret must have at least {HTTP_SECRET_CHARS_MIN} characters"
            span = http.keys["secret"].value.span
            self._notes.sink.add(Diagnostic("DN2006", message, span, help="write a longer one"))
        entry = http.keys.get("timeout_ms")
        if entry is None:
            return http
        milliseconds = http.timeout_ms or None
        if "timeout" in http.keys:
            self._notes.twice(entry, http.keys["timeout"])
            return structs.replace(http, timeout_ms=None)
        pairs = {} if milliseconds is None else {"timeout": format_duration(milliseconds)}
        fixes = self._notes.fix("write `timeout`", http, entry, pairs)
        self._notes.old(entry, "timeout", fixes)
        return structs.replace(http, timeout_ms=None, timeout=milliseconds)

    def _run_terminal(self, ended: tree.RunTerminalTrigger) -> dict[str, Any]:
        """Refuse to follow oneself; what a run gets is what is known of the one that ended."""
        if ended.workflow == self._name:
            message = f"`{self._name}` would start again whenever it ends"
            help_ = "name another workflow; what is repeated is a `loop` or `continue_as_new`"
            span = ended.place("workflow")
            self._notes.sink.add(Diagnostic("DN2019", message, span, help=help_))
        if "input" in self._trigger.keys:
            return {}
        span = ended.span
        written = Entry("input", span, Scalar("${{ trigger.data }}", span))
        keys = {**self._trigger.keys, "input": written}
        return {"input": gopaths.generated("trigger.data", span), "keys": keys}
