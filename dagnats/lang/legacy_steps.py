"""Old forms of steps: `skip_if`, `retries`, comparisons of events, paths into inputs."""

from typing import Any

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagnats.expr.ast import Call, Literal
from dagnats.expr.syntax.unparse import unparse
from dagnats.lang import gopaths, tree
from dagnats.lang.durations import suggest_text
from dagnats.lang.notes import Notes
from dagnats.source.document import Mapping, Scalar, to_json
from dagnats.timespec import format_duration, parse_duration_ms

GO_RETRY_DELAY_MS = 5_000
SLEEP_MAX_MS = 365 * 86_400_000
SKIPPED = "skipped"

_WITHOUT_EFFECT = ("budget_warn_at", "budget_force_at")


class Scopes:
    """Brings the steps of a scope into today's terms."""

    def __init__(self, workflow: tree.Workflow, notes: Notes, *, is_go: bool) -> None:
        self._schema = workflow.input
        self._is_go = is_go
        self._has_default_retry = workflow.default_retry is not None or (
            workflow.defaults is not None and workflow.defaults.retry is not None
        )
        self._notes = notes

    def modern(self, steps: tuple[tree.Step, ...]) -> tuple[tree.Step, ...]:
        """Return the steps without old forms; those that stay as they are are the same objects."""
        skipping = {step.id for step in steps if _skips(step)}
        scope = {
            step.id: step
            if step.skip_if is None or step.id in skipping
            else structs.replace(step, skip_if=None)
            for step in steps
        }
        changed = tuple(self._step(step, scope) for step in steps)
        if not skipping:
            return changed
        return tuple(_accepting(step, skipping) for step in changed)

    def _step(self, step: tree.Step, scope: dict[str, tree.Step]) -> tree.Step:
        changes: dict[str, Any] = {}
        if step.retries is not None:
            changes |= self._retries(step)
        if "singleton" in step.keys:
            self._notes.without_effect(None, step.keys["singleton"], step)
            changes["singleton"] = None
        if step.task == "" and "task" in step.keys:
            self._notes.without_effect(None, step.keys["task"], step)
            changes["task"] = None
        if step.keyed_rate_limit is not None:
            limit = step.keyed_rate_limit
            key = self._notes.path(limit, "key", limit.key, self._schema)
            if key is not limit.key and key is not None:
                changes["keyed_rate_limit"] = structs.replace(limit, key=key)
        config = self._config(step, scope)
        if config is not step.config:
            changes["config"] = config
        if step.skip_if is not None:
            changes |= self._skip_if(step, step.skip_if, scope)
        return structs.replace(step, **changes) if changes else step

    def _retries(self, step: tree.Step) -> dict[str, Any]:
        """Read `retries` as Go does: only where no other policy is."""
        entry, count = step.keys["retries"], step.retries
        changes: dict[str, Any] = {"retries": None}
        if step.retry is not None or self._has_default_retry or not count:
            self._notes.without_effect(None, entry, step)
            return changes
        policy = {"max_retries": count, "strategy": "fixed", "initial_delay": "5s"}
        fixes = self._notes.fix("write `retry`", step, entry, {"retry": policy})
        self._notes.old(entry, "retry", fixes)
        retry = tree.Retry(
            span=entry.value.span,
            keys={"max_retries": entry},
            max_retries=count,
            strategy="fixed",
            initial_delay=GO_RETRY_DELAY_MS,
        )
        return {**changes, "retry": retry}

    # Conditions

    def _skip_if(
        self, step: tree.Step, skip: tree.SkipIf, scope: dict[str, tree.Step]
    ) -> dict[str, Any]:
        """Turn the condition to skip into the one to run.

        The key stays, as a mark for edges that expressions make, unless it never skips.
        """
        entry = step.keys["skip_if"]
        if skip.step_id == "" or skip.op not in gopaths.OPERATORS:
            return {"skip_if": None}  # its shape is wrong already
        dependency = next((d for d in step.depends_on if d.step == skip.step_id), None)
        if dependency is None:
            message = f"`{step.id}` does not depend on `{skip.step_id}`, which `skip_if` looks at"
            help_ = f"add `{skip.step_id}` to `depends_on`"
            self._notes.sink.add(Diagnostic("DN2019", message, skip.place("step_id"), help=help_))
            return {"skip_if": None}
        source = scope.get(skip.step_id)
        may_miss = bool(dependency.allow) or (source is not None and source.skip_if is not None)
        text = gopaths.unless(skip.step_id, skip.field, skip.op, skip.value, may_miss=may_miss)
        if text is None:
            self._notes.without_effect(None, entry, step)
            return {"skip_if": None}
        fixes = self._skip_fix(step, text, scope)
        self._notes.old(entry, "when", fixes)
        if step.when is None:
            return {"when": gopaths.generated(text, entry.value.span)}
        first = max((abs(key) for key in step.when.spans), default=0) + 1
        return {"when": _both(step.when, gopaths.generated(text, entry.value.span, first))}

    def _skip_fix(self, step: tree.Step, text: str, scope: dict[str, tree.Step]) -> tuple[Fix, ...]:
        """Return the fix: a `when`, and `allow: skipped` wherever someone waits for the step."""
        entry, notes = step.keys["skip_if"], self._notes
        owner = notes.owner(entry)
        if owner is None:
            return ()
        if step.when is None:
            edits, is_kept = notes.rewriting.replace(owner, entry, {"when": text})
        else:
            edits, is_kept = self._joined(step, owner, text)
        if not edits:
            return ()
        for other in scope.values():
            for dependency in other.depends_on:
                if dependency.step == step.id and SKIPPED not in dependency.allow:
                    edit = self._allowing(dependency)
                    if edit is None:
                        return ()
                    edits = (*edits, edit)
        return (Fix("write `when`", edits, "safe" if is_kept else "unsafe"),)

    def _joined(self, step: tree.Step, owner: Mapping, text: str) -> tuple[tuple[Edit, ...], bool]:
        """Return edits that write both conditions as one, and whether they keep all else."""
        entry, rewriting = step.keys["when"], self._notes.rewriting
        written = entry.value.value if isinstance(entry.value, Scalar) else None
        if not isinstance(written, str) or step.when is None:
            return (), False
        first, has_comment = written.strip(), "//" in written
        if has_comment or "${{" in written:
            first = unparse(step.when.expr)
        first = f"({first})" if "||" in first or "?" in first else first
        edits, is_kept = rewriting.revalue(owner, entry, f"{first} && {text}")
        removal, is_whole = rewriting.replace(owner, step.keys["skip_if"], {})
        if not edits or not removal:
            return (), False
        return (*edits, *removal), is_kept and is_whole and not has_comment

    def _allowing(self, dependency: tree.Dependency) -> Edit | None:
        """Return the edit that lets a dependency accept a skipped step."""
        entry = dependency.keys["step"]
        span = entry.value.span
        if "allow" in dependency.keys or entry.merged:
            return None
        if entry.key_span == span:  # the id alone
            name = dependency.step
            pair = {"step": name, "allow": SKIPPED}
            return Edit(span, self._notes.rewriting.written(pair, span.start))
        owner = self._notes.owner(entry)
        if owner is None or not self._notes.rewriting.is_flow(owner):
            return None
        is_json = self._notes.rewriting.written("x-1", entry.key_span.start) == '"x-1"'
        allow = ', "allow": "skipped"' if is_json else ", allow: skipped"
        return Edit(Span(span.end, span.end), allow)

    # Configurations

    def _config(self, step: tree.Step, scope: dict[str, tree.Step]) -> tree.Config | None:
        match step.config:
            case tree.AgentLoop() as loop:
                return self._loop(loop)
            case tree.WaitForEvent(match=tree.GoMatch() as match) as wait:
                return self._wait(wait, match, scope)
            case tree.Sleep() as sleep:
                return self._sleep(sleep)
            case tree.Respond(body_from=str()) as respond:
                return self._respond(step, respond, scope)
            case tree.Respond() as respond if self._is_go:
                return self._answering(step, respond, scope)
            case config:
                return config

    def _loop(self, loop: tree.AgentLoop) -> tree.AgentLoop:
        old = [key for key in _WITHOUT_EFFECT if key in loop.keys]
        if not old or loop.budget_warn_at is loop.budget_force_at is None:
            return loop
        for key in old:
            self._notes.without_effect(None, loop.keys[key], loop)
        return structs.replace(loop, budget_warn_at=None, budget_force_at=None)

    def _wait(
        self, wait: tree.WaitForEvent, match: tree.GoMatch, scope: dict[str, tree.Step]
    ) -> tree.WaitForEvent:
        """Take a comparison of Go for a wait of Go, which completes when its time is over."""
        more = {} if "on_timeout" in wait.keys else {"on_timeout": "complete"}
        if not (match.left or match.op or match.right):
            message, help_ = "a match of an event is empty", "write what the event must be"
            self._notes.sink.add(Diagnostic("DN2019", message, match.span, help=help_))
            return structs.replace(wait, match=None)
        condition = self._notes.match(wait, match, self._schema, scope, more)
        return structs.replace(wait, match=condition, **more)

    def _sleep(self, sleep: tree.Sleep) -> tree.Sleep:
        if sleep.until_input_path is not None:
            return self._until(sleep, sleep.until_input_path)
        entry = sleep.keys.get("duration")
        node = entry.value if entry else None
        if not isinstance(node, Scalar) or type(node.value) is not int or node.value <= 0:
            return sleep
        milliseconds = parse_duration_ms(node.value)
        if milliseconds is None:
            return sleep
        suggest_text(node, node.value, milliseconds, self._notes.sink)
        literal = Literal(format_duration(milliseconds), 1)
        return structs.replace(sleep, duration=tree.Embedded(literal, node.span, {1: node.span}))

    def _until(self, sleep: tree.Sleep, path: str) -> tree.Sleep:
        entry = sleep.keys["until_input_path"]
        parts = path.split(".")
        if not all(parts):
            message, help_ = f"`{path}` is no path", "write names joined by dots, as in `order.due`"
            self._notes.sink.add(Diagnostic("DN2019", message, entry.value.span, help=help_))
            return structs.replace(sleep, until_input_path=None)
        text = gopaths.field_of_input(self._schema, parts)
        pairs = {"until": text}
        changes: dict[str, Any] = {"until_input_path": None}
        changes["until"] = gopaths.generated(text, entry.value.span)
        if "max_duration" not in sleep.keys:
            pairs["max_duration"] = "365d"
            changes["max_duration"] = SLEEP_MAX_MS
        self._notes.old(entry, "until", self._notes.fix("write `until`", sleep, entry, pairs))
        return structs.replace(sleep, **changes)

    def _respond(
        self, step: tree.Step, respond: tree.Respond, scope: dict[str, tree.Step]
    ) -> tree.Respond:
        """Take the body from the output of the only dependency, or else from the run's input."""
        entry = respond.keys["body_from"]
        path = respond.body_from or ""
        if path == "" or "body" in respond.keys:
            self._notes.without_effect(None, entry, respond)
            respond = structs.replace(respond, body_from=None)
            return self._answering(step, respond, scope) if self._is_go else respond
        parts = path.split(".")
        if not all(parts):
            message, help_ = f"`{path}` is no path", "write names joined by dots, as in `a.b`"
            self._notes.sink.add(Diagnostic("DN2019", message, entry.value.span, help=help_))
            return structs.replace(respond, body_from=None)
        text = self._from_source(step, scope, parts)
        pairs = {"body": f"${{{{ {text} }}}}"}
        self._notes.old(entry, "body", self._notes.fix("write `body`", respond, entry, pairs))
        body = gopaths.generated(text, entry.value.span)
        return structs.replace(respond, body_from=None, body=body)

    def _from_source(self, step: tree.Step, scope: dict[str, tree.Step], parts: list[str]) -> str:
        """Return the field of the only dependency's output, and of the input where it has none."""
        given = gopaths.field_of_input(self._schema, parts)
        if len(step.depends_on) != 1:
            return given
        (dependency,) = step.depends_on
        source = scope.get(dependency.step)
        if source is not None and isinstance(source.config, tree.Sleep):
            return given
        if _may_be_skipped(dependency, source):
            output = gopaths.step_output(dependency.step, parts, may_miss=False)
            return gopaths.unless_skipped(dependency.step, output, given)
        return gopaths.step_output(dependency.step, parts, may_miss=bool(dependency.allow))

    def _answering(
        self, step: tree.Step, respond: tree.Respond, scope: dict[str, tree.Step]
    ) -> tree.Respond:
        """Answer as Go does where nothing is said.

        With the input of the run behind several steps, and behind one that has no output.
        """
        if "body" in respond.keys or "with" in step.keys or not step.depends_on:
            return respond
        text, when = "input", ""
        if len(step.depends_on) == 1:
            (dependency,) = step.depends_on
            source = scope.get(dependency.step)
            if source is not None and isinstance(source.config, tree.Sleep):
                pass  # which has no output
            elif _may_be_skipped(dependency, source):
                output = gopaths.step_output(dependency.step, (), may_miss=False)
                text = gopaths.unless_skipped(dependency.step, output, "input")
                when = f" when `{dependency.step}` is skipped"
            else:
                return respond
        entry = step.keys.get("config") or step.keys["type"]
        message = f"as in Go dagnats, `{step.id}` answers with the input of the run{when}"
        help_ = "write `body`, which otherwise is what is before"
        info, fixes = Severity.INFO, self._body_fix(step, respond, text)
        finding = Diagnostic("DN9001", message, entry.key_span, info, help=help_, fixes=fixes)
        self._notes.sink.add(finding)
        return structs.replace(respond, body=gopaths.generated(text, entry.key_span))

    def _body_fix(self, step: tree.Step, respond: tree.Respond, text: str) -> tuple[Fix, ...]:
        title, pairs = "write `body`", dict[str, Any](body=f"${{{{ {text} }}}}")
        beside = [e for e in respond.keys.values() if isinstance(e.value, Scalar)]
        if beside:
            entry = beside[-1]
            pairs = {entry.key: to_json(entry.value), **pairs}
            return self._notes.fix(title, respond, entry, pairs)
        if respond.keys:
            return ()
        if "config" in step.keys:
            return self._notes.fix(title, step, step.keys["config"], {"config": pairs})
        return self._notes.fix(title, step, step.keys["type"], {"type": "respond", "config": pairs})


def _skips(step: tree.Step) -> bool:
    """Whether a step has a `skip_if` that ever skips it."""
    skip = step.skip_if
    if skip is None or skip.op not in gopaths.OPERATORS:
        return skip is not None
    return gopaths.unless(skip.step_id, skip.field, skip.op, skip.value, may_miss=False) is not None


def _may_be_skipped(dependency: tree.Dependency, source: tree.Step | None) -> bool:
    """Whether a step waits for one that Go may skip, also when that is written as it is today."""
    skips = source is not None and source.skip_if is not None
    return dependency.allow == (SKIPPED,) or (skips and not dependency.allow)


def _accepting(step: tree.Step, skipping: set[str]) -> tree.Step:
    """Let a step accept that those before were skipped."""
    if not any(d.step in skipping and SKIPPED not in d.allow for d in step.depends_on):
        return step
    dependencies = tuple(
        structs.replace(d, allow=(*d.allow, SKIPPED))
        if d.step in skipping and SKIPPED not in d.allow
        else d
        for d in step.depends_on
    )
    return structs.replace(step, depends_on=dependencies)


def _both(one: tree.Embedded, other: tree.Embedded) -> tree.Embedded:
    """Return the condition that holds when two do; node ids are unique in it."""
    spans = {**one.spans, **other.spans}
    top = max(spans) + 1
    expr = Call("_&&_", (one.expr, other.expr), None, top)
    return tree.Embedded(expr, one.span, {**spans, top: one.span})
