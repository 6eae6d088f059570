"""The lives of a run: each generation, and each retry, is one in which steps begin anew."""

from dagnats.machine import events as ev
from dagnats.machine.frames import forget
from dagnats.machine.prepared import TOP, Prepared
from dagnats.machine.state import FINALLY, PENDING, Ready, RunState, frame_of

_OF_THE_RUN = ("digest", "trigger", "parent", "nonce", "extra")


def next_generation(program: Prepared, state: RunState, event: ev.RunContinued) -> None:
    """Begin anew with another input; of what the run was born with, so much stays."""
    kept = {key: state.birth[key] for key in _OF_THE_RUN if key in state.birth}
    state.birth = {**kept, **event.payload}
    state.generation = event.generation
    state.frames = {"": frame_of(program.scopes[TOP], "", TOP, None, -1)}
    state.base_seq = event.seq - 1
    state.life += 1
    state.loops, state.handled, state.plans, state.undo = {}, {}, {}, []
    state.next_input = []


def retry(program: Prepared, state: RunState, event: ev.RunRetried) -> None:
    """Do the steps of `reset` again, as if they had never begun."""
    scope, frame = program.scopes[TOP], state.frames[""]
    reset = {scope.index[step] for step in event.payload["reset"]}
    for at in sorted(reset):
        frame.steps[at] = PENDING
        for key in [key for key, of in frame.below.items() if of == at]:
            forget(state, key)
    frame.late = {at: late for at, late in frame.late.items() if at not in reset}
    state.frames.pop(FINALLY, None)
    frame.open = len(reset)
    frame.unmet = [
        sum(source in reset for source, _ in scope.edges[at]) for at in range(len(scope.nodes))
    ]
    state.undo = [undo for undo in state.undo if undo.frame or undo.at not in reset]
    state.undo = [undo for undo in state.undo if undo.frame in state.frames]
    state.loops = {}
    state.base_seq = event.seq - 1
    state.life += 1
    state.timeout_from = state.at
    state.status, state.error, state.ending, state.cancel_reason = "running", None, None, None


def rest(state: RunState) -> None:
    """Let the time that attempts wait for a worker begin anew."""
    for frame in state.frames.values():
        for at, step in enumerate(frame.steps):
            if isinstance(step, Ready):
                frame.steps[at] = Ready(step.attempt, step.iteration, step.delivery, state.at)
