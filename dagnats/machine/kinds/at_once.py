"""`transform`, `emit`, `respond`, `continue_as_new`, `fail`: done by the engine in one decision."""

from hashlib import sha256

from dagnats.ir.program import ContinueAsNewNode, EmitNode, FailNode, RespondNode
from dagnats.machine.birth import begin_generation, next_birth
from dagnats.machine.commands import Publish, Respond
from dagnats.machine.errors import error
from dagnats.machine.outcome import give_up, succeed
from dagnats.machine.payload import require_fit
from dagnats.machine.prepared import Formula
from dagnats.machine.state import Frame
from dagnats.machine.turn import Turn
from dagnats.machine.values import evaluate, fitting, step_input


def transform(turn: Turn, frame: Frame, at: int) -> None:
    """Work out a value; raises EvaluationError."""
    formula = turn.scope(frame).formulas[at]["value"]
    succeed(turn, frame, at, fitting(turn.program, turn.state, frame, formula, "value"))


def emit(turn: Turn, frame: Frame, at: int, node: EmitNode) -> None:
    """Publish an event; raises EvaluationError. Its id is the same whenever it is tried again."""
    state, formula = turn.state, turn.scope(frame).formulas[at].get("data")
    data = _value(turn, frame, at, formula, "data")
    step = turn.name(frame, at)
    seed = f"{state.run_id}/{state.generation}/{state.base_seq}/{step}"
    event_id = sha256(seed.encode()).hexdigest()[:32]
    turn.commands.append(Publish(event_id, node.event, data))
    succeed(turn, frame, at, {"event_id": event_id})


def respond(turn: Turn, frame: Frame, at: int, node: RespondNode) -> None:
    """Answer the request that started the run; raises EvaluationError."""
    formulas = turn.scope(frame).formulas[at]
    headers = {}
    if "headers" in formulas:
        headers = fitting(turn.program, turn.state, frame, formulas["headers"], "headers")
    body = _value(turn, frame, at, formulas.get("body"), "body")
    turn.commands.append(Respond(node.status, headers, body, node.content_type))
    succeed(turn, frame, at, None)


def fail(turn: Turn, frame: Frame, at: int, node: FailNode) -> None:
    """End with an error; raises EvaluationError."""
    formulas = turn.scope(frame).formulas[at]
    program, state = turn.program, turn.state
    message, details = node.code, None
    if "message" in formulas:
        message = str(evaluate(program, state, frame, formulas["message"], "message"))
    if "details" in formulas:
        details = evaluate(program, state, frame, formulas["details"], "details")
    give_up(turn, frame, at, error(node.code, message, step=turn.name(frame, at), details=details))


def continue_as_new(turn: Turn, frame: Frame, at: int, node: ContinueAsNewNode) -> None:
    """Begin the next generation of the run; raises EvaluationError. Its input is the output."""
    generation = turn.state.generation
    if generation >= node.max_generations:
        message = f"this is generation {generation}, the last one (`max_generations`)"
        give_up(turn, frame, at, error("exhausted", message, step=turn.name(frame, at)))
        return
    formula = turn.scope(frame).formulas[at]["next_input"]
    value = fitting(turn.program, turn.state, frame, formula, "input")
    payload = next_birth(turn, value)
    turn.complete(frame, at, value)
    begin_generation(turn, payload)


def take_up(turn: Turn) -> None:
    """Begin the next generation where a crash has cut that off."""
    if turn.state.next_input:
        begin_generation(turn, next_birth(turn, turn.state.next_input[0]))


def _value(turn: Turn, frame: Frame, at: int, formula: Formula | None, key: str) -> object:
    if formula is not None:
        return fitting(turn.program, turn.state, frame, formula, key)
    value = step_input(turn.program, turn.state, frame, at)
    require_fit(f"`{key}`", value, grown=True)
    return value
