"""What values must be beyond their shape, and which keys go together: schedules, times, bounds.

cron: "0 25 * * *"      →  DN2020 `25` is no hour: they go from 0 to 23
"""

import re
from collections.abc import Iterator

from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.expr.ast import Literal
from dagnats.lang import tree
from dagnats.lang.gopaths import select
from dagnats.lang.keys import GO_STEP_PATTERN
from dagnats.lang.walk import all_scopes, all_steps, bodies
from dagnats.source.document import to_json
from dagnats.timespec import parse_duration_ms

SLEEP_MS_MAX = 365 * 86_400_000
DEBOUNCE_MS_MAX = 7 * 86_400_000
CRON_CHARS_MAX = 256

_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "day of the week": {name: number for number, name in enumerate(_DAYS)},
}
_PART = re.compile(r"(\*|([A-Za-z]+|[0-9]{1,4})(-([A-Za-z]+|[0-9]{1,4}))?)(/([0-9]{1,4}))?")
_GO_STEP = re.compile(GO_STEP_PATTERN)


def check_forms(workflow: tree.Workflow, sink: Sink) -> None:
    """Report values that have the right shape and mean nothing.

    DN2006: out of bounds. DN2007: no duration. DN2019: keys that do not go together. DN2020: no
    schedule.
    """
    for step in all_steps(workflow):
        if isinstance(step.config, tree.Sleep):
            for finding in _sleep(step.config):
                sink.add(finding)
    for trigger in workflow.triggers:
        for finding in _trigger(trigger):
            sink.add(finding)
    for finding in (*_sticky(workflow), *_maps(workflow), *_dotted(workflow)):
        sink.add(finding)


def _sleep(sleep: tree.Sleep) -> Iterator[Diagnostic]:
    if sleep.cron is not None:
        yield from _cron(sleep.cron, sleep.place("cron"))
    duration = sleep.duration
    if duration is None or not isinstance(duration.expr, Literal):
        return
    value, span = duration.expr.value, duration.span
    milliseconds = parse_duration_ms(value) if isinstance(value, (int, str)) else None
    if milliseconds is None:
        message = f"`{value}` is not a duration"
        help_ = "write numbers with units d, h, m, s, ms, us or ns, as in `1h30m`"
        yield Diagnostic("DN2007", message, span, help=help_)
    elif not 0 < milliseconds <= SLEEP_MS_MAX:
        yield Diagnostic("DN2006", "`duration` must be more than 0 and at most 365d", span)


def _trigger(trigger: tree.Trigger) -> Iterator[Diagnostic]:
    cron = trigger.cron
    if cron is not None:
        yield from _cron(cron.expression, cron.place("expression"))
    debounce = trigger.debounce
    if debounce is None:
        return
    if cron is not None:
        message = "a schedule cannot be debounced: its times are apart"
        help_ = "remove `debounce`"
        yield Diagnostic("DN2019", message, trigger.key_place("debounce"), help=help_)
    for key, value in (("period", debounce.period), ("timeout", debounce.timeout)):
        if value is not None and value > DEBOUNCE_MS_MAX:
            yield Diagnostic("DN2006", f"`{key}` must be at most 7d", debounce.place(key))
    if debounce.timeout is not None and debounce.timeout < debounce.period:
        message = "`timeout` is shorter than `period`, so that `period` would never be waited for"
        yield Diagnostic("DN2006", message, debounce.place("timeout"), help="write a longer time")


def _sticky(workflow: tree.Workflow) -> Iterator[Diagnostic]:
    if not workflow.sticky:
        return
    if workflow.sticky == "hard" and "timeout" not in workflow.keys:
        message = "`sticky: hard` needs a `timeout` of the run: its one worker may never come back"
        help_ = "add `timeout`, or write `sticky: soft`"
        yield Diagnostic("DN2019", message, workflow.place("sticky"), help=help_)
    for step in all_steps(workflow):
        if step.worker_group is not None:
            message = f"`{step.id}` is for a group of workers, and `sticky` is for one worker"
            help_ = "remove one of them"
            yield Diagnostic("DN2019", message, step.key_place("worker_group"), help=help_)


def _maps(workflow: tree.Workflow) -> Iterator[Diagnostic]:
    """Yield the maps that do not say which list they take, where that is not plain."""
    for scope in all_scopes(workflow):
        maps = {step.id for step in scope if isinstance(step.config, tree.Map)}
        for step in scope:
            if not _takes_its_dependency(step):
                continue
            if len(step.depends_on) != 1:
                count = len(step.depends_on)
                message = f"`{step.id}` has no `over`, so it needs one dependency, not {count}"
                help_ = "say in `config` which list is meant: `over: …`"
                place = "depends_on" if "depends_on" in step.keys else "type"
                yield Diagnostic("DN2019", message, step.place(place), help=help_)
            for dependency in step.depends_on:
                if dependency.step in maps:
                    name = dependency.step
                    message = f"`{step.id}` is a map of what the map `{name}` gives"
                    help_ = f"say so, if it is meant: `over: {select('steps', (name,))}.output`"
                    yield Diagnostic("DN2019", message, dependency.place("step"), help=help_)


def _takes_its_dependency(step: tree.Step) -> bool:
    """Whether a step is a map without `over`, and rightly written as far as that goes."""
    if not isinstance(step.config, tree.Map) or "over" in step.config.keys:
        return False
    written = to_json(step.keys["depends_on"].value) if "depends_on" in step.keys else []
    is_read = isinstance(written, list) and len(written) == len(step.depends_on)
    return is_read and to_json(step.keys["type"].value) == "map"


def _dotted(workflow: tree.Workflow) -> Iterator[Diagnostic]:
    """Yield the ids that only Go allows, and those of them that another step is called by."""
    own = [s for s in workflow.steps if "." in s.id and _GO_STEP.match(s.id)]
    if not own or "dagnats" in workflow.keys:
        return
    addresses = _Addresses(workflow)
    for step in own:
        span = step.place("id")
        other = addresses.taken_by(step.id)
        if other is None:
            message = f"`{step.id}` is an id of the Go dagnats: ids have no dots now"
            help_ = f"write `{step.id.replace('.', '-')}`; expressions have to name it in brackets"
            yield Diagnostic("DN9001", message, span, Severity.INFO, help=help_)
        elif other.type == "planner":
            message = f"`{step.id}` may also be a step that `{other.id}` plans"
            yield Diagnostic("DN3001", message, span, help="give it another id")
        else:
            message = f"`{step.id}` is also what the step `{other.id}` is called in a run"
            labels = (Label(other.place("id"), "it stands here"),)
            help_ = "give one of them another id"
            yield Diagnostic("DN3001", message, span, labels=labels, help=help_)


class _Addresses:
    """What runs call steps by that are no ids: handlers, what a switch holds, what is planned.

    What is inside of a `loop` or a `map` has a number in its address, and so has no id of its form.
    """

    def __init__(self, workflow: tree.Workflow) -> None:
        self._ids = {step.id: step for step in all_steps(workflow)}
        self._top = {step.id: step for step in (*workflow.steps, *workflow.finally_)}
        self._below: dict[str, dict[str, tree.Step]] = {}

    def taken_by(self, id_: str) -> tree.Step | None:
        """Return the step that has an id with dots for its address, or the planner of such ones."""
        owner, _, last = id_.rpartition(".")
        each = self._ids.get(owner)
        if last == "each" and each is not None and each.task is not None and _is_map(each):
            return each
        waiting, seen = [(self._top, id_)], set[tuple[int, str]]()
        while waiting:
            steps, rest = waiting.pop()
            if (id(steps), rest) in seen:
                continue
            seen.add((id(steps), rest))
            if steps is not self._top and rest in steps:
                return steps[rest]
            for dot in re.finditer(r"\.", rest):
                step = steps.get(rest[: dot.start()])
                if step is not None and step.type == "planner":
                    return step
                if step is not None:
                    waiting.append((self._inside(step), rest[dot.end() :]))
        return None

    def _inside(self, step: tree.Step) -> dict[str, tree.Step]:
        """Return what has the address of a step in its own."""
        if step.id not in self._below:
            names = (step.on_failure, step.compensate)
            found = {name: self._ids[name] for name in names if name in self._ids}
            if isinstance(step.config, tree.Switch):
                found |= {each.id: each for body in bodies(step) for each in body}
            self._below[step.id] = found
        return self._below[step.id]


def _is_map(step: tree.Step) -> bool:
    return isinstance(step.config, tree.Map)


def _cron(text: str, span: Span) -> Iterator[Diagnostic]:
    """Yield what is wrong with a schedule, the first of it."""
    if len(text) > CRON_CHARS_MAX:
        return  # which has been said
    fields = text.split()
    if len(fields) != len(_FIELDS):
        message = f"a schedule has five fields, and `{text}` has {len(fields)}"
        help_ = "write minute, hour, day of the month, month, day of the week: `0 3 * * *`"
        yield Diagnostic("DN2020", message, span, help=help_)
        return
    for field, (noun, low, high) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            wrong = _wrong_part(part, noun, low, high)
            if wrong is not None:
                help_ = "write `*`, numbers, ranges `1-5`, steps `*/10`, or lists of them"
                yield Diagnostic("DN2020", wrong, span, help=help_)
                return


def _wrong_part(part: str, noun: str, low: int, high: int) -> str | None:
    found = _PART.fullmatch(part)
    if found is None:
        return f"`{part}` is no {noun}" if part else f"a {noun} is missing between commas"
    first, last, step = found[2], found[4], found[6]
    numbers = [_number(word, noun) for word in (first, last) if word]
    for word, number in zip((first, last), numbers, strict=False):
        if number is None or not low <= number <= high:
            return f"`{word}` is no {noun}: they go from {low} to {high}"
    if len(numbers) == 2 and (numbers[0] or 0) > (numbers[1] or 0):
        return f"`{part}` ends before it begins"
    if step is not None and int(step) == 0:
        return f"`{part}` has steps of 0"
    return None


def _number(word: str, noun: str) -> int | None:
    return int(word) if word.isdigit() else _NAMES.get(noun, {}).get(word.lower())
