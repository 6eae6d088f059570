"""The catalogue of bounds, limits and times that contradict each other: DN6xxx and DN7xxx."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

ENTRIES = {
    "DN6001": Entry(
        name="unbounded",
        title="a repetition or a wait without a bound",
        severity=Severity.ERROR,
        explanation=(
            "Whether a loop ever ends, or an answer ever comes, nobody can prove, so each says how "
            "often or how long at most. Add the key that the message names to its `config`, or "
            "give a value for all steps in `defaults`."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {until: result.done == true}
""",
        good="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {max_iterations: 10, until: result.done == true}
""",
    ),
    "DN6002": Entry(
        name="limit-exceeded",
        title="a run could exceed a limit of the engine",
        severity=Severity.ERROR,
        explanation=(
            "The worst case of a run is proven before it starts, and this one is more than an "
            "engine takes. Lower the iterations, items or retries of the step that the message "
            "names, or move a part into a workflow of its own."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    retry: {max_retries: 3}
    config: {max_iterations: 100000}
""",
        good="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    retry: {max_retries: 3}
    config: {max_iterations: 100}
""",
    ),
    "DN6004": Entry(
        name="budget-above-run",
        title="a budget that is larger than that of the whole run",
        severity=Severity.WARNING,
        explanation=(
            "The run ends when its own budget is spent, so the loop can never spend all of its. "
            "Lower the budget of the loop, or raise that of the run."
        ),
        bad="""\
name: hello
budget: {tokens: 1000}
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {max_iterations: 10, budget: {tokens: 5000}}
""",
        good="""\
name: hello
budget: {tokens: 10000}
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {max_iterations: 10, budget: {tokens: 5000}}
""",
    ),
    "DN6005": Entry(
        name="bound-grew",
        title="a bound that is higher than before",
        severity=Severity.WARNING,
        explanation=(
            "With `--against`, the worst case of a run is held against that of another version of "
            "the workflow, and this one may take more. Lower the bound of the step that dominates, "
            "or leave it, when more is meant."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, type: agent_loop, task: hello.greet, config: {max_iterations: 20}}
""",
        good="""\
name: hello
steps:
  - {id: greet, type: agent_loop, task: hello.greet, config: {max_iterations: 10}}
""",
        before="""\
name: hello
steps:
  - {id: greet, type: agent_loop, task: hello.greet, config: {max_iterations: 10}}
""",
    ),
    "DN7001": Entry(
        name="no-effect",
        title="a key that has no effect where it stands",
        severity=Severity.WARNING,
        explanation=(
            "The type of the step, or another key beside it, leaves nothing for this key to do. "
            "Remove it, or write what was meant where the message says."
        ),
        bad="""\
name: hello
steps:
  - {id: greeting, type: transform, timeout: 5m, config: {value: hello}}
""",
        good="""\
name: hello
steps:
  - {id: greeting, type: transform, config: {value: hello}}
""",
    ),
    "DN7002": Entry(
        name="late-heartbeat",
        title="a heartbeat timeout that the attempt does not outlast",
        severity=Severity.WARNING,
        explanation=(
            "The attempt ends before its worker could be missed, so the heartbeats are of no use. "
            "Make `heartbeat_timeout` shorter than `timeout`."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 1m, heartbeat_timeout: 5m}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, timeout: 1m, heartbeat_timeout: 20s}
""",
    ),
    "DN7003": Entry(
        name="timeout-beyond-run",
        title="a timeout that the run does not outlast",
        severity=Severity.WARNING,
        explanation=(
            "The run ends with its own `timeout` first, so this one never does anything. Make it "
            "shorter, or give the workflow more time."
        ),
        bad="""\
name: hello
timeout: 10m
steps:
  - {id: greet, task: hello.greet, timeout: 1h}
""",
        good="""\
name: hello
timeout: 2h
steps:
  - {id: greet, task: hello.greet, timeout: 1h}
""",
    ),
    "DN7004": Entry(
        name="retries-beyond-run",
        title="retries that the run does not live to see",
        severity=Severity.WARNING,
        explanation=(
            "The delays between the attempts alone add up to more than the run has time for, so "
            "the last retries never happen. Retry less often or sooner, or give the workflow a "
            "longer `timeout`."
        ),
        bad="""\
name: hello
timeout: 10m
steps:
  - {id: greet, task: hello.greet, timeout: 1m, retry: {max_retries: 5, initial_delay: 5m}}
""",
        good="""\
name: hello
timeout: 10m
steps:
  - {id: greet, task: hello.greet, timeout: 1m, retry: {max_retries: 5, initial_delay: 5s}}
""",
    ),
    "DN7005": Entry(
        name="not-enough-time",
        title="steps that take longer than the time there is",
        severity=Severity.WARNING,
        explanation=(
            "The steps sleep longer than the run, or the loop, may take, so it always ends by its "
            "limit. Make the sleep shorter or the limit longer."
        ),
        bad="""\
name: hello
timeout: 1h
steps:
  - {id: nap, type: sleep, config: {duration: 2h}}
""",
        good="""\
name: hello
timeout: 3h
steps:
  - {id: nap, type: sleep, config: {duration: 2h}}
""",
    ),
    "DN7006": Entry(
        name="short-duration",
        title="a loop that has less time than one attempt",
        severity=Severity.WARNING,
        explanation=(
            "`max_duration` is looked at when an iteration ends, and one attempt alone may take "
            "longer. Make the `timeout` of the step shorter, or `max_duration` longer."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    timeout: 10m
    config: {max_iterations: 10, max_duration: 1m}
""",
        good="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    timeout: 10m
    config: {max_iterations: 10, max_duration: 1h}
""",
    ),
    "DN7007": Entry(
        name="quorum-too-large",
        title="more approvals are needed than people are listed",
        severity=Severity.WARNING,
        explanation=(
            "Unless those listed are groups, so many can never approve. List more `approvers`, or "
            "lower `quorum`."
        ),
        bad="""\
name: hello
steps:
  - {id: gate, type: approval, config: {timeout: 24h, approvers: [ada, grace], quorum: 3}}
""",
        good="""\
name: hello
steps:
  - {id: gate, type: approval, config: {timeout: 24h, approvers: [ada, grace], quorum: 2}}
""",
    ),
    "DN7008": Entry(
        name="escalation-missing",
        title="an approval that escalates to nobody",
        severity=Severity.ERROR,
        explanation=(
            "`on_timeout: escalate` asks those whom `escalation` lists, and there is none. Add "
            "`escalation` with `approvers` and a `timeout`."
        ),
        bad="""\
name: hello
steps:
  - {id: gate, type: approval, config: {timeout: 24h, approvers: [ada], on_timeout: escalate}}
""",
        good="""\
name: hello
steps:
  - id: gate
    type: approval
    config:
      timeout: 24h
      approvers: [ada]
      on_timeout: escalate
      escalation: {approvers: [grace], timeout: 8h}
""",
    ),
    "DN7009": Entry(
        name="tolerance-too-large",
        title="a map that tolerates the failure of all its items",
        severity=Severity.WARNING,
        explanation=(
            "However many items fail, the step completes, and nobody is told. Tolerate fewer, or "
            "write the tolerance in percent."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    type: map
    task: hello.greet
    config: {over: "['ada', 'grace']", max_items: 10, tolerance: 20}
""",
        good="""\
name: hello
steps:
  - id: greet
    type: map
    task: hello.greet
    config: {over: "['ada', 'grace']", max_items: 10, tolerance: 2}
""",
    ),
    "DN7010": Entry(
        name="late-reminder",
        title="a reminder that comes when it is too late",
        severity=Severity.WARNING,
        explanation=(
            "The approval times out before its first reminder. Make `remind_every` shorter than "
            "the `timeout`."
        ),
        bad="""\
name: hello
steps:
  - {id: gate, type: approval, config: {timeout: 4h, approvers: [ada], remind_every: 8h}}
""",
        good="""\
name: hello
steps:
  - {id: gate, type: approval, config: {timeout: 4h, approvers: [ada], remind_every: 1h}}
""",
    ),
    "DN7011": Entry(
        name="equal-priorities",
        title="a priority that makes no difference",
        severity=Severity.WARNING,
        explanation=(
            "Whatever the value of the key, a run gets the same priority. Give the `rules` "
            "different seconds, or remove `priority`."
        ),
        bad="""\
name: hello
input: {type: object, required: [plan], properties: {plan: {type: string}}}
priority: {key: input.plan, rules: {paid: 0}}
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
input: {type: object, required: [plan], properties: {plan: {type: string}}}
priority: {key: input.plan, rules: {paid: 300}}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN7012": Entry(
        name="too-few-slots",
        title="maps that ask for more at once than a run may have",
        severity=Severity.WARNING,
        explanation=(
            "`concurrency.max_steps` limits the attempts of one run that are queued or running, so "
            "the maps never get as wide as they say. Only attempts hold a slot, so nothing is "
            "locked out; but lower `max_concurrency`, or raise `max_steps`."
        ),
        bad="""\
name: hello
concurrency: {max_steps: 4}
steps:
  - id: greet
    type: map
    task: hello.greet
    config: {over: "['ada', 'grace']", max_items: 10, max_concurrency: 8}
""",
        good="""\
name: hello
concurrency: {max_steps: 8}
steps:
  - id: greet
    type: map
    task: hello.greet
    config: {over: "['ada', 'grace']", max_items: 10, max_concurrency: 8}
""",
    ),
    "DN7013": Entry(
        name="own-event-too-late",
        title="a wait for an event that the run emits only afterwards",
        severity=Severity.WARNING,
        explanation=(
            "The only steps of the document that emit the event come behind the wait, so the run "
            "waits for itself until the time is up. Emit it before, or beside; where others emit "
            "it too, declare it in `events`."
        ),
        bad="""\
name: hello
steps:
  - {id: heard, type: wait_for_event, config: {event: user.greeted, timeout: 1h}}
  - {id: tell, type: emit, depends_on: [heard], config: {event: user.greeted, data: {}}}
""",
        good="""\
name: hello
steps:
  - {id: heard, type: wait_for_event, config: {event: user.answered, timeout: 1h}}
  - {id: tell, type: emit, depends_on: [heard], config: {event: user.greeted, data: {}}}
""",
    ),
    "DN7014": Entry(
        name="no-time-to-repeat",
        title="iterations that a loop has no time for",
        severity=Severity.WARNING,
        explanation=(
            "The waits between the iterations alone add up to more than `max_duration`, so the "
            "last iterations never happen. Make `delay` shorter or `max_duration` longer, or "
            "lower `max_iterations`."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {max_iterations: 10, delay: 10m, max_duration: 1h}
""",
        good="""\
name: hello
steps:
  - id: greet
    type: agent_loop
    task: hello.greet
    config: {max_iterations: 7, delay: 10m, max_duration: 1h}
""",
    ),
    "DN7015": Entry(
        name="event-of-nobody",
        title="an event that no registered workflow emits",
        severity=Severity.INFO,
        explanation=(
            "With `--registry`: neither the document nor any other registered workflow emits the "
            "event, so somebody from outside has to, or what waits for it does so in vain. Mend "
            "the name; where the event, or signal, comes from outside, declare it in `events`."
        ),
        bad="""\
name: hello
steps:
  - {id: heard, type: wait_for_event, config: {event: user.greeted, timeout: 1h}}
""",
        good="""\
name: hello
steps:
  - {id: heard, type: wait_for_event, config: {event: user.greets, timeout: 1h}}
""",
        registered=(
            """\
name: greet
steps:
  - {id: tell, type: emit, config: {event: user.greets, data: {}}}
""",
        ),
    ),
}
"""Entries by code. DN6003 stands with what else is told of meaning."""
