"""Client operations over NATS requests: subject `dagnats.api.<operation>`, JSON in and out.

Every answer is `Answer`: `ok` with the operation's own document, or an `ApiError`.
"""

from typing import Any

import msgspec


class ApiError(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal: `not_found`, `conflict`, `invalid`, `busy`, `unavailable`."""

    code: str
    message: str
    details: Any = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What every operation answers: which partition says it, of how many."""

    ok: Any = None
    error: ApiError | None = None
    partition: int = 0
    of: int = 1


class RegisterWorkflow(msgspec.Struct, frozen=True):
    """`workflow.register`: a compiled program, as its canonical JSON document."""

    program: msgspec.Raw


class ShowWorkflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """`workflow.show`, `workflow.versions`: by name or digest, perhaps of a version."""

    name: str
    version: str = ""


class DeleteWorkflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """`workflow.delete`: with `force` also while runs of it are alive; those go on."""

    name: str
    force: bool = False


class StartRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.start`: `run_id` is the asker's and makes asking twice harmless.

    `notify` is a subject that hears of the end, best effort (poll `run.get` besides). `version` is
    a digest or label; without it, what the name stands for. `at` (ms) lets the run wait until then.
    """

    workflow: str
    run_id: str
    input: Any = None
    notify: str = ""
    version: str = ""
    at: int | None = None
    trigger: Any = None
    parent: dict[str, Any] | None = None


class GetRun(msgspec.Struct, frozen=True):
    """`run.get`, `run.explain`: by id or unique prefix."""

    run_id: str


class ListRuns(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.list`, newest first, and `run.count`: of these, by what is given.

    `since` and `until` (ms) are about when runs began; `labels` must all be as given; `before` is
    the id of a run that the page comes after.
    """

    workflow: str = ""
    status: str = ""
    limit: int = 50
    since: int | None = None
    until: int | None = None
    labels: dict[str, str] = {}
    before: str = ""


class PurgeRuns(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.purge`: forget a batch of runs that have ended before `before` (ms; default: now).

    `after` is where the batch before ended, its `next`. With `dry_run` it is only said which.
    """

    before: int | None = None
    workflow: str = ""
    status: str = ""
    dry_run: bool = False
    after: int = 0


class CancelRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.cancel`, `run.pause`."""

    run_id: str
    reason: str = ""


class ResumeRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.resume`: loops that are at their bound `complete` or `fail`."""

    run_id: str
    exhausted: str = "complete"


class SignalRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.signal`: an event for one run; `id` makes asking twice harmless."""

    run_id: str
    name: str
    id: str
    data: Any = None


class RetryRun(msgspec.Struct, frozen=True):
    """`run.retry`: a failed run goes on where it failed."""

    run_id: str


class ForkRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.fork`: a new run, named by the asker, that takes over what came before `step`.

    `input` replaces the input when `set_input`; `outputs` replaces outputs of steps taken over.
    """

    run_id: str
    new_run_id: str
    step: str
    version: str = ""
    set_input: bool = False
    input: Any = None
    outputs: dict[str, Any] = {}


class ListApprovals(msgspec.Struct, frozen=True, omit_defaults=True):
    """`approval.list`: what waits for a decision, oldest first."""

    run_id: str = ""
    limit: int = 100


class Decide(msgspec.Struct, frozen=True, omit_defaults=True):
    """`approval.decide`: `decision` is `approve` or `reject`.

    `by` and `groups` are vouched for by who asks; with a `token` it is whoever was sent it.
    """

    run_id: str
    step: str
    decision: str
    by: str = ""
    groups: list[str] = []
    comment: str = ""
    form: Any = None
    token: str = ""


class ListDeadLetters(msgspec.Struct, frozen=True, omit_defaults=True):
    """`dlq.list`: newest first."""

    workflow: str = ""
    limit: int = 100


class DeadLetterId(msgspec.Struct, frozen=True):
    """`dlq.show`, `dlq.replay`, `dlq.discard`."""

    id: str


class PublishEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """`event.publish`: `id` makes asking twice harmless."""

    type: str
    id: str
    data: Any = None


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run that has ended, as sent to a `notify` subject (a list of these)."""

    run_id: str
    status: str
    output: Any = None
    error: Any = None
