"""The catalogue of what names and dependencies can get wrong: DN3005 and above."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

ENTRIES = {
    "DN3005": Entry(
        name="hidden-step",
        title="a step that is not seen from there",
        severity=Severity.ERROR,
        explanation=(
            "The steps of a body are seen inside of it only, and the steps of `finally` by each "
            "other. Refer to the step that the body belongs to: its output is made of what its "
            "body gives."
        ),
        bad="""\
name: hello
steps:
  - {id: fan, type: map, config: {over: input.names, max_items: 9, steps: [{id: greet,
      task: hello.greet, with: "${{ item }}"}]}}
  - {id: wave, task: hello.wave, with: "${{ steps.greet.output }}"}
""",
        good="""\
name: hello
steps:
  - {id: fan, type: map, config: {over: input.names, max_items: 9, steps: [{id: greet,
      task: hello.greet, with: "${{ item }}"}]}}
  - {id: wave, task: hello.wave, with: "${{ steps.fan.output }}"}
""",
    ),
    "DN3006": Entry(
        name="pointless-dependency",
        title="a dependency where none has a meaning",
        severity=Severity.ERROR,
        explanation=(
            "A handler runs when its step has failed, a body when its container runs, and "
            "`finally` when all else has ended: they wait for nothing else. Remove the "
            "dependency, or give it to the container."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave, depends_on: [find]}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
""",
    ),
    "DN3007": Entry(
        name="handler-as-step",
        title="a handler that is used as a step",
        severity=Severity.ERROR,
        explanation=(
            "A step that `on_failure` or `compensate` names runs only when it is asked for, so "
            "nothing can wait for it. Refer to the step that it is for: when that one has failed, "
            "the output of its handler stands for its own."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
  - {id: bow, task: hello.bow, with: "${{ steps.wave.output }}"}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
  - {id: bow, task: hello.bow, with: "${{ steps.greet.output }}"}
""",
    ),
    "DN3010": Entry(
        name="handler-elsewhere",
        title="a handler outside of the body of its step",
        severity=Severity.ERROR,
        explanation=(
            "A body may run many times at once, and each of its runs has steps of its own, the "
            "handlers too. Write the handler among the steps of the same body."
        ),
        bad="""\
name: hello
steps:
  - {id: fan, type: map, config: {over: input.names, max_items: 9, steps: [{id: greet,
      task: hello.greet, on_failure: wave}]}}
  - {id: wave, task: hello.wave}
""",
        good="""\
name: hello
steps:
  - {id: fan, type: map, config: {over: input.names, max_items: 9, steps: [{id: greet,
      task: hello.greet, on_failure: wave}, {id: wave, task: hello.wave}]}}
""",
    ),
    "DN3011": Entry(
        name="own-handler",
        title="a step that is its own handler",
        severity=Severity.ERROR,
        explanation=(
            "A step that has failed for good is not run again. Name another step, or let `retry` "
            "repeat this one."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: greet}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
""",
    ),
    "DN3012": Entry(
        name="handler-circle",
        title="handlers that handle each other",
        severity=Severity.ERROR,
        explanation=(
            "A handler may have a handler itself, and the last of them has none: in a circle a "
            "failure would never end. Remove the one that leads back."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave, on_failure: bow}
  - {id: bow, task: hello.bow, on_failure: wave}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave, on_failure: bow}
  - {id: bow, task: hello.bow}
""",
    ),
    "DN3013": Entry(
        name="handler-in-two-roles",
        title="a handler that stands in for one step and undoes another",
        severity=Severity.ERROR,
        explanation=(
            "What `on_failure` names gives an output in place of a failed step; what `compensate` "
            "names undoes a completed one when the run fails. Write one step for each."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find, compensate: wave}
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find, compensate: forget}
  - {id: forget, task: users.forget}
  - {id: greet, task: hello.greet, on_failure: wave}
  - {id: wave, task: hello.wave}
""",
    ),
    "DN3014": Entry(
        name="nothing-to-undo",
        title="a compensation for what cannot be undone",
        severity=Severity.WARNING,
        explanation=(
            "A wait, a decision or a value leaves nothing behind, an answer that was sent cannot "
            "be taken back, and a step that always fails is never undone. Remove `compensate`."
        ),
        bad="""\
name: hello
steps:
  - {id: pause, type: sleep, compensate: wave, config: {duration: 10m}}
  - {id: wave, task: hello.wave}
""",
        good="""\
name: hello
steps:
  - {id: pause, type: sleep, config: {duration: 10m}}
  - {id: wave, task: hello.wave}
""",
    ),
    "DN3016": Entry(
        name="unrunnable-workflow",
        title="a workflow that cannot be run as a step",
        severity=Severity.ERROR,
        explanation=(
            "A workflow that runs itself, directly or by others, would never end. Repeat a body "
            "with `loop`, or go on with `continue_as_new`; a workflow that nobody has registered "
            "is registered first."
        ),
        bad="""\
name: hello
steps:
  - {id: again, type: sub_workflow, config: {workflow: hello, version: "1"}}
""",
        good="""\
name: hello
steps:
  - {id: again, type: sub_workflow, config: {workflow: goodbye, version: "1"}}
""",
    ),
    "DN3018": Entry(
        name="unknown-event",
        title="an event that is almost one of those declared",
        severity=Severity.WARNING,
        explanation=(
            "The document declares events and their data, and this name differs from one of them "
            "by a slip. Write the name as it is declared, or declare this one, too."
        ),
        bad="""\
name: hello
events: {user.greeted: {type: object}, user.left: {type: object}}
steps:
  - {id: tell, type: emit, config: {event: user.greetd, data: {}}}
  - {id: leave, type: emit, config: {event: user.left, data: {}}}
""",
        good="""\
name: hello
events: {user.greeted: {type: object}, user.left: {type: object}}
steps:
  - {id: tell, type: emit, config: {event: user.greeted, data: {}}}
  - {id: leave, type: emit, config: {event: user.left, data: {}}}
""",
    ),
    "DN3019": Entry(
        name="unknown-task",
        title="a task that is almost one of those declared",
        severity=Severity.WARNING,
        explanation=(
            "The document declares contracts of tasks, and this name differs from one of them by "
            "a slip. Write the name as it is declared, or declare this one, too."
        ),
        bad="""\
name: hello
tasks: {hello.greet: {idempotent: true}}
steps:
  - {id: greet, task: hello.greeet}
""",
        good="""\
name: hello
tasks: {hello.greet: {idempotent: true}}
steps:
  - {id: greet, task: hello.greet}
""",
    ),
    "DN3020": Entry(
        name="unreachable-step",
        title="a step that no run gets to",
        severity=Severity.WARNING,
        explanation=(
            "It waits for a step that never ends in a way that it accepts: one that always fails, "
            "ends the generation, or is always skipped. Leave it out, or accept that with "
            "`allow`."
        ),
        bad="""\
name: hello
steps:
  - {id: stop, type: fail, when: input.ready == false, config: {code: not_ready}}
  - {id: greet, task: hello.greet, depends_on: [stop]}
""",
        good="""\
name: hello
steps:
  - {id: stop, type: fail, when: input.ready == false, config: {code: not_ready}}
  - {id: greet, task: hello.greet, depends_on: [{step: stop, allow: skipped}]}
""",
    ),
    "DN3021": Entry(
        name="skipped-together",
        title="a step that is skipped whenever one of several is",
        severity=Severity.INFO,
        explanation=(
            "A dependency that was skipped satisfies nothing, so the step is skipped as well, "
            "although it reads nothing of it. Allow `skipped` if it is to run all the same."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find, when: input.known == true}
  - {id: wave, task: hello.wave}
  - {id: greet, task: hello.greet, depends_on: [find, wave], with: hi}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find, when: input.known == true}
  - {id: wave, task: hello.wave}
  - {id: greet, task: hello.greet, depends_on: [{step: find, allow: skipped}, wave], with: hi}
""",
    ),
    "DN3022": Entry(
        name="pointless-join",
        title="a `join` with nothing to join",
        severity=Severity.INFO,
        explanation=(
            "`join` says which of several dependencies have to be satisfied, and here are fewer "
            "than two. Remove it."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find], join: any_success}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
""",
    ),
    "DN3023": Entry(
        name="redundant-dependency",
        title="a dependency that another one implies",
        severity=Severity.INFO,
        explanation=(
            "A step that waits for another waits for whatever that one waits for. Remove the "
            "dependency that adds nothing."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
  - {id: wave, task: hello.wave, depends_on: [find, greet], with: bye}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet, depends_on: [find]}
  - {id: wave, task: hello.wave, depends_on: [greet], with: bye}
""",
    ),
    "DN3024": Entry(
        name="unheard-answer",
        title="an answer that nobody hears",
        severity=Severity.WARNING,
        explanation=(
            "A `respond` answers the HTTP request that started the run, once. Without an `http` "
            "trigger nobody waits, and a second answer is lost."
        ),
        bad="""\
name: hello
steps:
  - {id: answer, type: respond, config: {body: hello}}
""",
        good="""\
name: hello
triggers: [{id: ask, http: {path: /hello}}]
steps:
  - {id: answer, type: respond, config: {body: hello}}
""",
    ),
    "DN3025": Entry(
        name="open-steps",
        title="a generation that ends while steps are open",
        severity=Severity.WARNING,
        explanation=(
            "`continue_as_new` ends this generation of the run, and then none of its steps may be "
            "open. Let it depend on the others, and keep it out of bodies that repeat."
        ),
        bad="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet}
  - {id: next, type: continue_as_new, when: steps.find.output == "more", config: {input: {},
      max_generations: 9}}
""",
        good="""\
name: hello
steps:
  - {id: find, task: users.find}
  - {id: greet, task: hello.greet}
  - {id: next, type: continue_as_new, depends_on: [greet], when: steps.find.output == "more",
      config: {input: {}, max_generations: 9}}
""",
    ),
    "DN3026": Entry(
        name="no-completion",
        title="a workflow that no run completes",
        severity=Severity.WARNING,
        explanation=(
            "Every run comes to a step that fails or begins another generation, so none ever "
            "completes. Say with `when` in which case it does."
        ),
        bad="""\
name: hello
steps:
  - {id: stop, type: fail, config: {code: not_ready}}
""",
        good="""\
name: hello
steps:
  - {id: stop, type: fail, when: input.ready == false, config: {code: not_ready}}
""",
    ),
    "DN3027": Entry(
        name="unanswered-request",
        title="an HTTP endpoint that never answers",
        severity=Severity.WARNING,
        explanation=(
            "A request to an `http` trigger waits for a `respond` step, and there is none. Add "
            "one, or use a `webhook`, which answers at once."
        ),
        bad="""\
name: hello
triggers: [{id: ask, http: {path: /hello}}]
steps:
  - {id: greet, task: hello.greet}
""",
        good="""\
name: hello
triggers: [{id: ask, http: {path: /hello}}]
steps:
  - {id: greet, task: hello.greet}
  - {id: answer, type: respond, config: {body: "${{ steps.greet.output }}"}}
""",
    ),
}
