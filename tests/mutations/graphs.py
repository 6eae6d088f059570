"""Corruptions of the graph: ids, dependencies, cycles, bodies, handlers, declared names."""

from collections.abc import Iterator

from tests.mutations.mutation import (
    Edit,
    Mutation,
    added,
    insertion,
    misspelt,
    mutated,
    operator,
    replaced,
)
from tests.mutations.written import Doc, Item


def _id(step: Item) -> str:
    return step.get("id").value


def _dependencies(doc: Doc) -> Iterator[tuple[Item, Item]]:
    """Yield steps with the place of each id in their `depends_on`."""
    for step in doc.steps:
        listed = step.get("depends_on")
        for each in listed.children if listed else ():
            yield step, (each.get("step") if each.is_mapping else each)


def _handlers(doc: Doc) -> dict[str, Item]:
    """Return steps that are the handler of another, by id."""
    ids = doc.step_ids()
    named = [step.get(key) for step in doc.steps for key in ("on_failure", "compensate")]
    return {item.value: ids[item.value] for item in named if item is not None}


def _top(doc: Doc) -> list[Item]:
    return [step for step in doc.steps if step.path[0] == "steps" and len(step.path) == 2]


def _is_referred_to(doc: Doc, name: str) -> bool:
    return doc.text.count(name) > 1


@operator
def same_id_twice(doc: Doc) -> Iterator[Mutation]:
    steps = doc.steps
    for index, step in enumerate(steps[1:], 1):
        if not _is_referred_to(doc, _id(step)):
            yield replaced(step.get("id"), doc.spelled(_id(steps[index - 1])), "DN3001")


@operator
def misspelt_dependency(doc: Doc) -> Iterator[Mutation]:
    ids = doc.step_ids()
    for _, item in _dependencies(doc):
        for wrong in misspelt(item.value):
            if wrong not in ids:
                yield replaced(item, doc.spelled(wrong), "DN3002")


@operator
def dependency_on_no_step(doc: Doc) -> Iterator[Mutation]:
    for _, item in _dependencies(doc):
        yield replaced(item, doc.spelled("nothing-like-it"), "DN3002")


@operator
def dependency_on_itself(doc: Doc) -> Iterator[Mutation]:
    handlers = _handlers(doc)
    for step, item in _dependencies(doc):
        yield replaced(item, doc.spelled(_id(step)), "DN3004")
    for step in doc.steps:
        if step.get("depends_on") is None and _id(step) not in handlers:
            name = doc.spelled(_id(step))
            made = added(step, "depends_on", f"[{name}]", "DN3004", at="value")
            yield Mutation(made.text, made.codes, (made.offsets[0] + 1,))


@operator
def cycle(doc: Doc) -> Iterator[Mutation]:
    # Each of the two dependencies may be the wrong one.
    ids = doc.step_ids()
    for step, item in _dependencies(doc):
        before = ids.get(item.value)
        if (
            before is None
            or before.get("depends_on") is not None
            or before.parent is not step.parent
        ):
            continue
        last = before.children[-1]
        edit = insertion(last, "depends_on", f"[{doc.spelled(_id(step))}]")
        moved = mutated(doc, "DN3003", [edit], item.start)
        at = edit.start + len(doc.key("depends_on")) + 3
        yield Mutation(moved.text, ("DN3003",), (at, *moved.offsets))


@operator
def dependency_into_a_body(doc: Doc) -> Iterator[Mutation]:
    inner = [step for step in doc.steps if len(step.path) > 2 and step.path[0] == "steps"]
    for step, item in _dependencies(doc):
        if len(step.path) == 2:
            for each in inner:
                yield replaced(item, doc.spelled(_id(each)), "DN3005")


@operator
def output_reads_a_body(doc: Doc) -> Iterator[Mutation]:
    inner = [step for step in doc.steps if len(step.path) > 2 and step.path[0] == "steps"]
    output = doc.root.get("output")
    for each in inner if output and output.is_scalar else ():
        name = _id(each)
        if name.isidentifier():
            new = f'"${{{{ steps.{name}.output }}}}"'
            yield replaced(output, new, "DN3005", delta=5)


@operator
def dependency_on_a_handler(doc: Doc) -> Iterator[Mutation]:
    handlers = _handlers(doc)
    for step, item in _dependencies(doc):
        for name, handler in handlers.items():
            if handler is not step and handler.parent is step.parent:
                yield replaced(item, doc.spelled(name), "DN3007")


@operator
def own_handler(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        for key in ("on_failure", "compensate"):
            if (item := step.get(key)) is not None:
                yield replaced(item, doc.spelled(_id(step)), "DN3011")


@operator
def misspelt_handler(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        for key in ("on_failure", "compensate"):
            if (item := step.get(key)) is not None:
                for wrong in misspelt(item.value):
                    yield replaced(item, doc.spelled(wrong), "DN3002")


@operator
def handler_that_waits(doc: Doc) -> Iterator[Mutation]:
    handlers = _handlers(doc)
    for name, handler in handlers.items():
        others = [s for s in doc.steps if s.parent is handler.parent and _id(s) not in handlers]
        if handler.get("depends_on") is None and others:
            value = f"[{doc.spelled(_id(others[0]))}]"
            assert name
            yield added(handler, "depends_on", value, "DN3006")


@operator
def handlers_in_a_circle(doc: Doc) -> Iterator[Mutation]:
    ids = doc.step_ids()
    for step in doc.steps:
        item = step.get("on_failure")
        handler = ids[item.value] if item else None
        if handler is not None and handler.get("on_failure") is None:
            last = handler.children[-1]
            edit = insertion(last, "on_failure", doc.spelled(_id(step)))
            moved = mutated(doc, "", [edit], item.start)
            at = edit.start + len(doc.key("on_failure")) + 2
            yield Mutation(moved.text, ("DN3012",), (at, *moved.offsets))


@operator
def handler_outside_of_the_body(doc: Doc) -> Iterator[Mutation]:
    top = [s for s in _top(doc) if not _is_referred_to(doc, _id(s))]
    for step in doc.steps:
        if len(step.path) > 2 and step.path[0] == "steps" and step.get("on_failure") is None:
            for each in top:
                if not any(above is each for above in step.above()):
                    value = doc.spelled(_id(each))
                    yield added(step, "on_failure", value, "DN3010", at="value")


@operator
def same_dependency_twice(doc: Doc) -> Iterator[Mutation]:
    for step, item in _dependencies(doc):
        listed = step.get("depends_on")
        if listed.is_flow and item.parent is listed:
            last = listed.children[-1]
            text = doc.text[: last.end] + f", {doc.spelled(item.value)}" + doc.text[last.end :]
            yield Mutation(text, ("DN9002",), (last.end + 2,))


@operator
def misspelt_task(doc: Doc) -> Iterator[Mutation]:
    declared = {item.name for item in (doc.root.get("tasks") or doc.root).children}
    for step in doc.steps:
        item = step.get("task")
        for wrong in misspelt(item.value) if item and item.value in declared else ():
            yield replaced(item, doc.spelled(wrong), "DN3019")


@operator
def misspelt_event(doc: Doc) -> Iterator[Mutation]:
    events = doc.root.get("events")
    declared = {item.name for item in events.children} if events else set()
    for item in doc.items():
        if item.name == "event" and item.value in declared:
            for wrong in misspelt(item.value):
                yield replaced(item, doc.spelled(wrong), "DN3018")


@operator
def workflow_that_runs_itself(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        if (item := step.get("config", "workflow")) is not None:
            yield replaced(item, doc.spelled(doc.root.get("name").value), "DN3016")


@operator
def single_dependency_without_brackets(doc: Doc) -> Iterator[Mutation]:
    for step in doc.steps:
        listed = step.get("depends_on")
        if listed is not None and len(listed.children) == 1 and listed.children[0].is_scalar:
            yield replaced(listed, doc.spelled(listed.children[0].value), "DN2003")


@operator
def step_removed(doc: Doc) -> Iterator[Mutation]:
    """Take away a step on which just one other depends by name."""
    for step, item in _dependencies(doc):
        target = doc.step_ids().get(item.value)
        if target is None or target.parent is not step.parent or target.is_flow is False:
            continue
        from tests.mutations.mutation import removal

        edit = removal(target)
        if edit is not None and doc.text.count(item.value) == 2:
            edits: list[Edit] = [edit]
            yield mutated(doc, "DN3002", edits, item.start)
