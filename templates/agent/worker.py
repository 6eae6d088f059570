"""The worker: a function for each task of `workflow.yaml`.

`decide` stands where a language model would; everything around it stays as it is when one comes in.
"""

import re
from typing import TypedDict

from dagnats import task
from dagnats.worker.context import Context

FACTS = {
    "danube": "The Danube is 2,850 km long.",
    "rhine": "The Rhine is 1,230 km long.",
    "volga": "The Volga is 3,530 km long.",
}


class Turn(TypedDict):
    """What the agent knows after a turn; the next turn gets it as `state`."""

    done: bool
    notes: list[str]
    answer: str


class Asked(TypedDict):
    """What one turn is given."""

    question: str
    state: Turn | None


class Written(TypedDict):
    """What the answer is written from."""

    question: str
    turn: Turn


def decide(question: str, notes: list[str]) -> str | None:
    """Return what to look up next, or None when the notes are enough. Ask your model here."""
    words = re.findall(r"\w+", question.lower())
    return next((word for word in words if word in FACTS and FACTS[word] not in notes), None)


@task("agent.turn")
def turn(asked: Asked, ctx: Context) -> Turn:
    """Look one thing up, or say that there is nothing left to look up."""
    notes = asked["state"]["notes"] if asked["state"] else []
    wanted = decide(asked["question"], notes)
    ctx.logger.info("turn %d: %s", ctx.iteration, wanted or "done")
    if wanted is None:
        return {"done": True, "notes": notes, "answer": " ".join(notes) or "I do not know."}
    return {"done": False, "notes": [*notes, FACTS[wanted]], "answer": ""}


@task("answer.write")
def write(written: Written) -> str:
    """Write the answer down."""
    return f"{written['question']} {written['turn']['answer']}"
