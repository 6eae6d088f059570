"""What values must be beyond their shape, and which keys go together: schedules, zones, bounds.

cron: "0 25 * * *"      →  DN2020 `25` is no hour: they go from 0 to 23
"""

import re
from collections.abc import Iterator

from dagnats.diagnostics.diagnostic import Diagnostic, Sink, Span
from dagnats.expr.ast import Literal
from dagnats.lang import tree
from dagnats.lang.gopaths import select
from dagnats.lang.walk import all_scopes, all_steps
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
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


def check_forms(workflow: tree.Workflow, sink: Sink) -> None:
    """Report values that have the right shape and mean nothing.

    DN2006: out of bounds. DN2007: no duration. DN2019: keys that do not go together. DN2020: no
    schedule. DN2021: no time zone.
    """
    for step in all_steps(workflow):
        if isinstance(step.config, tree.Sleep):
            for finding in _sleep(step.config):
                sink.add(finding)
    for trigger in workflow.triggers:
        for finding in _trigger(trigger):
            sink.add(finding)
    for finding in (*_sticky(workflow), *_maps(workflow)):
        sink.add(finding)


def _sleep(sleep: tree.Sleep) -> Iterator[Diagnostic]:
    if sleep.cron is not None:
        yield from _cron(sleep.cron, sleep.place("cron"))
    if sleep.timezone is not None:
        yield from _zone(sleep.timezone, sleep.place("timezone"))
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
        if cron.timezone is not None:
            yield from _zone(cron.timezone, cron.place("timezone"))
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


def _zone(name: str, span: Span) -> Iterator[Diagnostic]:
    if name and _ZONE.fullmatch(name) is None:
        message = f"`{name}` is no time zone"
        yield Diagnostic("DN2021", message, span, help="write a name of IANA, as `Europe/Berlin`")


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
