"""What should not be in a document, or goes where it can do harm.

with: {token: ghp_…}                                  →  DN8003 a GitHub token in the open
with: {command: "git log ${{ input.branch }}"}        →  DN8006 untrusted text in a shell
"""

import re
from collections.abc import Mapping
from typing import Any

from dagnats.compiler.deduce import Deduced
from dagnats.compiler.literals import Path, place_of, texts_in
from dagnats.compiler.reads import IN_TEXT, Read
from dagnats.compiler.remembered import once
from dagnats.compiler.roots import Schemas
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Severity, Sink
from dagnats.expr.ast import Expr, Literal, walk
from dagnats.expr.types import Bool, Double, Enum, Int, Null, Type
from dagnats.lang.tree import Planner, Step, Workflow

SINK_KEY = "x-dagnats-sink"
"""What a contract says of a property that is run, and not only read: `shell`, `sql` or `url`."""
_SINKS = {"shell": "a shell command", "sql": "an SQL statement", "url": "an address"}
_WILD = frozenset({"*", ">"})
_HARMLESS = (Bool, Double, Enum, Int, Null)
"""Types of values that are no text of an author's choice."""
_OUTSIDE = frozenset({"input", "trigger", "event"})

_TOKENS = (
    ("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    ("a GitHub token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{60,}"),
    ("a GitLab token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("an AWS access key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Slack token", ("xox",), r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Stripe key", ("k_live_",), r"\b[rs]k_live_[A-Za-z0-9]{16,}"),
    ("an Anthropic key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", ("sk-",), r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}"),
    ("a Google API key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{35}\b"),
    ("an npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("a NATS seed", ("SU", "SA", "SO", "SN", "SC", "SX"), r"\bS[UAONCX][A-Z2-7]{56}\b"),
    ("a private key", ("PRIVATE KEY",), r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    ("a JSON web token", ("eyJ",), r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.\w"),
    ("a password in an address", ("://",), r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@${]{3,}@"),
)
"""Shapes that nothing but a credential has: the name, what each text of the shape holds, a pattern.

The patterns are compiled when a text holds one of the words: few documents ever do.
"""

_WORDS = re.compile("|".join(re.escape(word) for _, words, _ in _TOKENS for word in words))


def check_security(tables: Tables, typed: Deduced, sink: Sink) -> None:
    """Report DN8003 to DN8007, all as warnings."""
    workflow, outline, reads = tables.workflow, tables.outline, tables.reads
    schemas = Schemas(workflow)
    for number, step in enumerate(outline.steps):
        for at, spot in enumerate(outline.spots(number)):
            _credentials(spot, sink)
            if spot.key == "with":
                checked = typed.of_step.get((number, at))
                types = {} if checked is None else checked.types
                kept = [r for r in reads.of_step[number][at] if not _is_harmless(r, types)]
                contract = None if step.task is None else workflow.tasks.get(step.task)
                if contract is not None and contract.input is not None and kept:
                    _untrusted(schemas.whole(contract.input), spot, kept, sink)
        _capabilities(workflow, step, sink)
    for spot in tables.document:
        _credentials(spot, sink)
    _triggers(workflow, sink)


def _credentials(spot: Spot, sink: Sink) -> None:
    embedded = spot.embedded
    for node, path, found in once(_shown, embedded.expr):
        message = f"this looks like {found}, for everyone to read"
        help_ = "declare a name in `secrets`, write `${{ secrets.NAME }}`, and revoke this"
        span = place_of(embedded, node, path)
        sink.add(Diagnostic("DN8003", message, span, Severity.WARNING, help=help_))


def _shown(expr: Expr) -> tuple[tuple[Literal, Path, str], ...]:
    """Return the constants that hold a credential, each with the first one: where, and its kind."""
    shown = []
    for node in walk(expr):
        if isinstance(node, Literal):
            texts = ((path, _credential(text)) for path, text in texts_in(node.value))
            shown += [(node, path, found) for path, found in texts if found is not None][:1]
    return tuple(shown)


def _credential(text: str) -> str | None:
    """Return what kind of credential a text holds."""
    if _WORDS.search(text) is None:
        return None
    for name, words, pattern in _TOKENS:
        if any(word in text for word in words) and re.search(pattern, text):
            return name
    return None


def _untrusted(schema: Any, spot: Spot, reads: list[Read], sink: Sink) -> None:
    """Report text from outside that becomes a part of what a task runs."""
    for read in reads:
        kind = _sink(schema, read.into)
        if read.root not in _OUTSIDE or kind not in _SINKS or (kind == "url" and _is_tail(read)):
            continue
        what = _SINKS[kind]
        path = ".".join((read.root, *read.path))
        message = f"`{path}` comes from outside, and becomes a part of {what}"
        help_ = "give it to the task as a value of its own, or check it in a `when` before"
        span = spot.embedded.spans.get(read.node.id, NOWHERE)
        sink.add(Diagnostic("DN8006", message, span, Severity.WARNING, help=help_))


def _is_harmless(read: Read, types: Mapping[int, Type]) -> bool:
    return isinstance(types.get(read.node.id), _HARMLESS)


def _is_tail(read: Read) -> bool:
    """Whether a value stands alone in an address: then it is the address, for the task to judge."""
    return read.use != IN_TEXT


def _sink(schema: Any, into: tuple[str, ...]) -> str | None:
    """Return what a contract says of the property that a value goes into."""
    part = schema
    for key in (*into, None):
        if not isinstance(part, dict):
            return None
        kind = part.get(SINK_KEY)
        if isinstance(kind, str):
            return kind
        if key is None:
            return None
        properties = part.get("properties")
        if isinstance(properties, dict) and key in properties:
            part = properties[key]
        else:
            part = part.get("items" if key.isdecimal() else "additionalProperties")
    return None


def _capabilities(workflow: Workflow, step: Step, sink: Sink) -> None:
    config = step.config
    if isinstance(config, Planner) and not config.allowed_tasks and not workflow.tasks:
        message = f"what `{step.id}` plans may use every task there is"
        help_ = "list `allowed_tasks`"
        span = step.place("id")
        sink.add(Diagnostic("DN8007", message, span, Severity.WARNING, help=help_))


def _triggers(workflow: Workflow, sink: Sink) -> None:
    for trigger in workflow.triggers:
        subject = trigger.subject
        words = [] if subject is None else subject.subject.split(".")
        if subject is not None and (words[0] in _WILD or words[-1] == ">"):
            message = f"whoever may publish to any subject like `{subject.subject}` can start runs"
            help_ = "name the subject, or as much of it as is known: `*` stands for one word"
            span = subject.place("subject")
            sink.add(Diagnostic("DN8004", message, span, Severity.WARNING, help=help_))
        hook = trigger.webhook
        if hook is not None and "secret" not in hook.keys:
            message = "whoever finds this address can start runs: no `secret` signs requests"
            help_ = "name a secret, as `secret: WEBHOOK_KEY`"
            span = trigger.key_place("webhook")
            sink.add(Diagnostic("DN8005", message, span, Severity.WARNING, help=help_))
