"""Corruptions of what goes where and how long: contracts, switches, times, security, waste."""

import re
from collections.abc import Iterator

from dagnats.lang.keys import Duration
from tests.mutations.graphs import _handlers, _id, _top
from tests.mutations.mutation import (
    Edit,
    Mutation,
    added,
    insertion,
    misspelt,
    mutated,
    operator,
    removal,
    replaced,
)
from tests.mutations.shapes import _type, _valued
from tests.mutations.written import Doc, Item

LONG = "900d"


def _contracts(doc: Doc) -> Iterator[tuple[Item, Item, list[str]]]:
    """Yield steps with what they give a task that declares its input, and what is required."""
    for step in doc.steps:
        task, given = step.get("task"), step.get("with")
        schema = doc.root.get("tasks", task.value, "input") if task else None
        if schema is not None and given is not None and given.is_mapping:
            required = schema.get("required")
            yield step, schema, [each.value for each in required.children] if required else []


@operator
def input_of_a_wrong_type(doc: Doc) -> Iterator[Mutation]:
    for step, schema, _ in _contracts(doc):
        for field in step.get("with").children:
            declared = schema.get("properties", field.name, "type")
            if declared is not None and declared.value in {"string", "integer", "boolean", "array"}:
                yield replaced(field, '{"wrong": 1}', "DN5003")


@operator
def text_for_a_number_in_an_input(doc: Doc) -> Iterator[Mutation]:
    for step, schema, _ in _contracts(doc):
        for field in step.get("with").children:
            declared = schema.get("properties", field.name, "type")
            if declared is not None and declared.value == "integer":
                yield replaced(field, doc.spelled("twelve"), "DN5003")


@operator
def missing_input(doc: Doc) -> Iterator[Mutation]:
    # What is wrong is the whole value: at `with`, or where its value begins.
    for step, _, required in _contracts(doc):
        given = step.get("with")
        for field in given.children:
            edit = removal(field)
            if field.name in required and edit is not None:
                yield mutated(doc, "DN5003", [edit], given.key_start, given.start)


@operator
def misspelt_input(doc: Doc) -> Iterator[Mutation]:
    for step, _, required in _contracts(doc):
        given = step.get("with")
        for field in given.children:
            for wrong in misspelt(field.name) if field.name in required else ():
                quote = '"' if doc.is_json else ""
                edit = Edit(field.key_start, field.key_end, quote + wrong + quote)
                yield mutated(doc, "DN5003", [edit], given.key_start, given.start, field.key_start)


@operator
def everything_after_a_failure(doc: Doc) -> Iterator[Mutation]:
    """All that waits for a step that always fails never runs: the first of it, or the failure."""
    handlers = _handlers(doc)
    for step in _top(doc) if "dagnats: ignore[" not in doc.text else ():
        # Without `with`, a dependency would change what the step is given.
        is_free = step.get("depends_on") is None and step.get("with") is not None
        if is_free and _id(step) not in handlers:
            key = doc.key
            fail = f"{{{key('id')}: {doc.spelled('halt')}, {key('type')}: {doc.spelled('fail')}, "
            fail += f"{key('config')}: {{{key('code')}: {doc.spelled('halted')}}}}}"
            body = step.parent
            first = body.children[0]
            line = doc.text.rfind("\n", 0, first.start) + 1
            indent = doc.text[line : first.start]
            separator = (
                f", {doc.text[first.start : first.start]}" if body.is_flow else f"\n{indent}"
            )
            listed = insertion(step.children[-1], "depends_on", f"[{doc.spelled('halt')}]")
            edits = [Edit(first.start, first.start, f"{fail}{separator}"), listed]
            if listed.start == first.start:
                continue
            moved = mutated(doc, "DN3020 DN3026", edits, step.get("id").start)
            at_fail = first.start + len(f"{{{key('id')}: ")
            yield Mutation(moved.text, moved.codes, (*moved.offsets, at_fail))


@operator
def switch_without_default(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        config = step.get("config")
        if _type(step) == "switch" and config.get("on") and config.get("default"):
            edit = removal(config.get("default"))
            if edit is not None and "output.kind" in config.get("on").value:
                places = config.get("cases").key_start, config.get("on").key_start
                yield mutated(doc, "DN5011", [edit], *places)


@operator
def same_case_twice(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "values" and item.is_flow and item.parent.block == "case":
            cases = item.parent.parent.children
            index = cases.index(item.parent)
            for earlier in cases[:index]:
                listed = earlier.get("values")
                for value in listed.children if listed else ():
                    last = item.children[-1]
                    text = doc.text[: last.end] + f", {value.text}" + doc.text[last.end :]
                    yield Mutation(text, ("DN5012",), (last.end + 2,))


@operator
def case_that_cannot_be(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        on = step.get("config", "on")
        if on is None or "output.kind" not in on.value:
            continue
        for case in step.get("config", "cases").children:
            for value in case.get("values").children:
                for wrong in misspelt(value.value):
                    yield replaced(value, doc.spelled(wrong), "DN5013")


@operator
def switch_on_nothing(doc: Doc) -> Iterator[Mutation]:
    """Cases that list values, and nothing to compare them with: the first of them."""
    for step in doc.steps:
        on = step.get("config", "on")
        edit = removal(on) if on is not None else None
        if edit is not None:
            case = step.get("config", "cases").children[0].get("values")
            yield mutated(doc, "DN5014", [edit], case.key_start)


@operator
def wait_longer_than_the_run(doc: Doc) -> Iterator[Mutation]:
    if doc.root.get("timeout") is None:
        return
    for item in _valued(doc, Duration):
        if item.name == "timeout" and item.parent.block in {
            "step",
            "approvalConfig",
            "waitForEventConfig",
        }:
            yield replaced(item, doc.spelled(LONG), "DN7003")


@operator
def run_shorter_than_its_waits(doc: Doc) -> Iterator[Mutation]:
    item = doc.root.get("timeout")
    sleeps = [
        step.get("config", "duration")
        for step in _top(doc)
        if _type(step) == "sleep" and step.get("when") is None
    ]
    if item is not None and any(sleeps):
        longest = next(each for each in sleeps if each)
        made = replaced(longest, doc.spelled(LONG), "DN7005")
        step = longest.step
        yield Mutation(
            made.text, ("DN7005", "DN7003"), (step.get("id").start, longest.start, item.start)
        )


@operator
def heartbeat_longer_than_the_attempt(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if step.get("timeout") and (item := step.get("heartbeat_timeout")):
            yield replaced(item, doc.spelled("3d"), "DN7002")


@operator
def reminder_after_the_decision(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if item := step.get("config", "remind_every"):
            yield replaced(item, doc.spelled("40d"), "DN7010")


@operator
def quorum_of_more_than_there_are(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if (item := step.get("config", "quorum")) and step.get("config", "approvers"):
            yield replaced(item, "9", "DN7007")


@operator
def escalation_to_nobody(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        item, on = step.get("config", "escalation"), step.get("config", "on_timeout")
        edit = removal(item) if item else None
        if edit is not None and on is not None and on.value == "escalate":
            yield mutated(doc, "DN7008", [edit], on.start)


@operator
def tolerance_of_everything(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if (item := step.get("config", "tolerance")) and step.get("config", "max_items"):
            yield replaced(item, "10000", "DN7009")


@operator
def key_without_effect(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if (
            _type(step) in {"sleep", "transform", "emit", "fail", "respond"}
            and step.get("heartbeat_timeout") is None
        ):
            yield added(step, "heartbeat_timeout", doc.spelled("5s"), "DN7001")


@operator
def credential_in_the_open(doc: Doc) -> Iterator[Mutation]:
    contracts = {_id(step) for step, _, _ in _contracts(doc)}
    for step in doc.steps:
        given = step.get("with")
        task = step.get("task")
        is_open = task is not None and not doc.root.get("tasks", task.value)
        if not is_open or doc.root.get("imports"):
            continue
        if given and given.is_mapping and given.children and _id(step) not in contracts:
            value = doc.spelled("AKIAIOSFODNN7EXAMPLE")
            made = added(given, "access_key", value, "DN8003", at="value")
            yield Mutation(made.text, made.codes, (*made.offsets, made.offsets[0] - 12))


@operator
def webhook_without_secret(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "secret" and item.parent.block == "webhookTrigger":
            edit = removal(item)
            if edit is not None:
                yield mutated(doc, "DN8005", [edit], item.parent.key_start)


@operator
def subject_of_everything(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "subject" and item.parent.block == "trigger" and item.is_scalar:
            yield replaced(item, doc.spelled("repos.>", quoted=True), "DN8004")


@operator
def secret_for_nobody(doc: Doc) -> Iterator[Mutation]:
    secrets = doc.root.get("secrets")
    if secrets and secrets.is_flow and secrets.children:
        at = secrets.children[-1].end
        yield Mutation(doc.text[:at] + ", SPARE" + doc.text[at:], ("DN9023",), (at + 2,))


@operator
def variable_for_nobody(doc: Doc) -> Iterator[Mutation]:
    if (variables := doc.root.get("vars")) is not None:
        yield added(variables, "spare", "1", "DN9021")


@operator
def contract_for_nobody(doc: Doc) -> Iterator[Mutation]:
    if (tasks := doc.root.get("tasks")) is not None and tasks.children:
        yield added(tasks, "spare.task", '{"idempotent": true}', "DN9022")


@operator
def nanoseconds(doc: Doc) -> Iterator[Mutation]:
    if "ignore-file[DN9001" in doc.text:
        return
    units = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
    for item in _valued(doc, Duration):
        found = re.fullmatch(r"([0-9]+)(ms|s|m|h|d)", item.value)
        if found:
            yield replaced(item, str(int(found[1]) * units[found[2]]), "DN9001")


@operator
def budget_above_that_of_the_run(doc: Doc) -> Iterator[Mutation]:
    if doc.root.get("budget", "tokens") is None:
        return
    for step in doc.steps:
        if item := step.get("config", "budget", "tokens"):
            yield replaced(item, "900000000", "DN6004")


@operator
def endpoint_that_nobody_answers(doc: Doc) -> Iterator[Mutation]:
    for item in doc.items():
        if item.name == "http" and item.parent.block == "trigger":
            for step in doc.steps:
                if _type(step) == "respond" and (edit := removal(step)) is not None:
                    yield mutated(doc, "DN3027", [edit], item.key_start)


@operator
def answer_that_nobody_hears(doc: Doc) -> Iterator[Mutation]:
    triggers = doc.root.get("triggers")
    for step in doc.steps:
        if _type(step) == "respond" and triggers and (edit := removal(triggers)) is not None:
            yield mutated(doc, "DN3024", [edit], step.get("id").start)


@operator
def more_history_than_a_run_may_have(doc: Doc) -> Iterator[Mutation]:
    for step in _top(doc):
        item = step.get("config", "max_iterations")
        if item is not None:
            # The step around, or the one within that most of the events are from.
            moved = mutated(
                doc,
                "",
                [Edit(item.start, item.end, "100000")],
                *(
                    each.get("id").start
                    for each in doc.steps
                    if each is step or step in each.above()
                ),
            )
            yield Mutation(moved.text, ("DN6002",), (*moved.offsets, item.start))
