"""The tickets that are here, and all that they have part in: lines, tasks, runs, rates.

What a ticket takes part in is counted when it comes and given back when it goes, in one place each.
"""

from dagnats.machine.permits import Lane, Line, RunPermits, Task, pass_on, take_out
from dagnats.machine.tickets import DeliveryKey, Entry, Ticket
from dagnats.machine.windows import Windows, window_keys

TURN_MS = 100
"""By so much a ticket counts as younger for each attempt that its run has here already."""


class Backlog:
    """Lines by task, permits by run; nothing is kept of what has neither tickets nor workers."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.active: dict[Lane, None] = {}
        self.runs: dict[str, RunPermits] = {}
        self.windows = Windows()
        self.waiting = 0
        self._load: dict[str, int] = {}  # tickets here, by run
        self._seq = 0

    def put(self, ticket: Ticket, key: DeliveryKey) -> Entry:
        """Let a ticket wait."""
        run_id, node = ticket.run_id, ticket.node
        load = self._load.get(run_id, 0)
        self._load[run_id] = load + 1
        tag = ticket.queued_at - ticket.offset_ms + load * TURN_MS
        seq = self._seq = self._seq + 1
        entry = Entry(tag, seq, key, ticket)
        task = self.tasks.get(node.task) or self.task(node.task)
        line = task.plain
        if line is None or not ticket.is_plain:
            line = self.line(ticket)
            for window in line.windows:
                window.expect(node)
            self._count(task, ticket)
        line.add(entry)
        if line.pile is None or tag < line.order[0]:
            line.lane.file(line, (tag, seq))
        self.waiting += 1
        return entry

    def put_held(self, ticket: Ticket) -> Entry:
        """Take in a ticket that does not wait."""
        load = self._load.get(ticket.run_id, 0)
        self._load[ticket.run_id] = load + 1
        self._count(self.task(ticket.node.task), ticket)
        self._seq += 1
        return Entry(ticket.queued_at, self._seq, ticket.key, ticket)

    def task(self, name: str) -> Task:
        """Return what there is about a task."""
        task = self.tasks.get(name)
        if task is None:
            task = self.tasks[name] = Task(name)
        return task

    def run(self, ticket: Ticket) -> RunPermits:
        """Return the permits of a ticket's run."""
        run = self.runs.get(ticket.run_id)
        if run is None:
            run = self.runs[ticket.run_id] = RunPermits()
        run.most = ticket.max_steps
        return run

    def line(self, ticket: Ticket) -> Line:
        """Return the line that a ticket belongs to."""
        node = ticket.node
        task = self.task(node.task)
        if task.plain is not None and ticket.is_plain:
            return task.plain
        place = (node.worker_group, tuple(sorted(node.required_capabilities)))
        lane = task.lanes.get(place)
        if lane is None:
            lane = task.lanes[place] = Lane(task, *place, self.active)
        keys = tuple(window_keys(node, ticket.rate_key))
        has_run = ticket.max_steps is not None or ticket.sticky == "hard"
        key = (keys, ticket.run_id if has_run else None, ticket.sticky)
        line = lane.lines.get(key)
        if line is None:
            line = lane.lines[key] = Line(lane, key)
            line.windows = tuple(self.windows.get(one) for one in keys)
            line.sticky = ticket.sticky
            line.run = self.run(ticket) if has_run else None
            for window in line.windows:
                window.lines += 1
        if ticket.is_plain:
            task.plain = line
        return line

    def _count(self, task: Task, ticket: Ticket) -> None:
        if ticket.node.max_task_concurrency is not None:
            task.add_cap(ticket.node.max_task_concurrency)
        if ticket.is_special:
            self.run(ticket).tickets += 1

    def give_back(self, ticket: Ticket) -> None:
        """Let a ticket be held no more."""
        node = ticket.node
        task = self.tasks[node.task]
        task.held -= 1
        if ticket.max_steps is not None or ticket.sticky is not None:
            run = self.runs[ticket.run_id]
            run.held -= 1
            run.wake()
        self._forget(task, ticket)

    def _forget(self, task: Task, ticket: Ticket) -> None:
        """Give back what a ticket has of its run and its task, whether it waited or was held."""
        run_id = ticket.run_id
        load = self._load.pop(run_id) - 1
        if load:
            self._load[run_id] = load
        if ticket.node.max_task_concurrency is not None:
            task.drop_cap(ticket.node.max_task_concurrency)
        if ticket.max_steps is not None or ticket.sticky is not None:
            run = self.runs[run_id]
            run.tickets -= 1
            if not run.tickets and run.worker_id is None:
                del self.runs[run_id]
        if not task.seats:
            self.tidy(task)

    def forget_run(self, run_id: str) -> None:
        """Let a run be bound to no worker any more."""
        run = self.runs.get(run_id)
        if run is None:
            return
        run.worker_id = None
        if not run.tickets:
            del self.runs[run_id]

    def take_away(self, entry: Entry) -> None:
        """Let a ticket wait no more."""
        line, task = self.line(entry.ticket), self.task(entry.ticket.node.task)
        self.waiting -= 1
        line.pass_over(entry)
        if line.is_empty:
            self.drop(line)
        for window in line.windows:
            if window.closed_by == entry.order:
                window.open()
        self._forget(task, entry.ticket)

    def refile(self, line: Line) -> None:
        """File a line by the ticket that is its first one now."""
        entry = line.head()
        if entry is None:
            self.drop(line)
        else:
            line.lane.file(line, (entry.tag, entry.seq))

    def drop(self, line: Line) -> None:
        """Forget a line in which nobody waits."""
        take_out(line)
        line.clear()
        lane = line.lane
        if line is not lane.task.plain:
            del lane.lines[line.key]
            for window in line.windows:
                window.lines -= 1
                if not window.lines:
                    self.windows.fade(window)
            self._drop_empty(lane)
        pass_on(line)

    def _drop_empty(self, lane: Lane) -> None:
        if not lane.lines:
            self.active.pop(lane, None)
            del lane.task.lanes[lane.group, lane.capabilities]

    def tidy(self, task: Task) -> None:
        """Forget a task that has no worker when there is nothing else to know of it."""
        plain = task.plain
        if plain is not None and plain.is_empty:
            task.plain = None
            del plain.lane.lines[plain.key]
            self._drop_empty(plain.lane)
        if task.is_idle:
            self.tasks.pop(task.name, None)
