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
    """What every operation answers."""

    ok: Any = None
    error: ApiError | None = None


class RegisterWorkflow(msgspec.Struct, frozen=True):
    """`workflow.register`: a compiled program, as its canonical JSON document."""

    program: msgspec.Raw


class ShowWorkflow(msgspec.Struct, frozen=True):
    """`workflow.show`: by name or digest."""

    name: str


class StartRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.start`: `run_id` is the asker's and makes asking twice harmless.

    `notify` is a subject that hears of the end, best effort (poll `run.get` besides).
    """

    workflow: str
    run_id: str
    input: Any = None
    notify: str = ""


class GetRun(msgspec.Struct, frozen=True):
    """`run.get`: by id or unique prefix."""

    run_id: str


class ListRuns(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.list`: newest first."""

    workflow: str = ""
    status: str = ""
    limit: int = 50


class CancelRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """`run.cancel`."""

    run_id: str
    reason: str = ""


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run that has ended, as sent to a `notify` subject (a list of these)."""

    run_id: str
    status: str
    output: Any = None
    error: Any = None
