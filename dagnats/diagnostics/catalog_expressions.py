"""The catalogue of what an expression can get wrong: DN4xxx."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

EXPRESSIONS = {
    "DN4001": Entry(
        name="expression-syntax",
        title="an expression that cannot be read",
        severity=Severity.ERROR,
        explanation=(
            "Expressions are written in the Common Expression Language: `==`, `&&`, `||`, `!`, "
            "`condition ? one : other`. Mend the place that is marked."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: input.times = 1}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: input.times == 1}
""",
    ),
    "DN4002": Entry(
        name="unknown-name",
        title="a name that does not exist there",
        severity=Severity.ERROR,
        explanation=(
            "Expressions read `input`, `steps` and `run`, in an agent loop also `loop`, and in "
            "`until` also `result`; a step is named by a constant. Write one of these names, or "
            "quote a text that is meant as such."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: inputs.times == 1}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: input.times == 1}
""",
    ),
    "DN4003": Entry(
        name="unknown-function",
        title="a function that does not exist",
        severity=Severity.ERROR,
        explanation=(
            "Expressions call only the functions that are built in; what needs more is the work "
            "of a task. Write the name of a function that exists."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: len(input.names) > 0}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: size(input.names) > 0}
""",
    ),
    "DN4004": Entry(
        name="type-mismatch",
        title="an operator, a function or a condition that takes no such value",
        severity=Severity.ERROR,
        explanation=(
            "Nothing is converted by itself: numbers are not truth values, and texts are not "
            "numbers. Compare the value, or convert it by a function such as `string` or `int`."
        ),
        bad="""\
name: hello
input: {type: object, required: [times], properties: {times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.times}
""",
        good="""\
name: hello
input: {type: object, required: [times], properties: {times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.times > 0}
""",
    ),
    "DN4005": Entry(
        name="unclosed-expression",
        title="an expression in a text is never closed",
        severity=Severity.ERROR,
        explanation=(
            "`${{` begins an expression, and `}}` has to end it in the same string. For the "
            "characters themselves write `$${{`."
        ),
        bad="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {text: "Hello ${{ input.name }"}
""",
        good="""\
name: hello
steps:
  - id: greet
    task: hello.greet
    with: {text: "Hello ${{ input.name }}"}
""",
    ),
    "DN4006": Entry(
        name="optional-field",
        title="a field that may not be there",
        severity=Severity.WARNING,
        explanation=(
            "A schema does not require this field, and to read what is not there is an error of "
            "the run. Write `.?field.orValue(...)`, ask `has(value.field)` first, or require the "
            "field in the schema."
        ),
        bad="""\
name: hello
input: {type: object, properties: {times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.times > 1}
""",
        good="""\
name: hello
input: {type: object, properties: {times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.?times.orValue(1) > 1}
""",
    ),
    "DN4007": Entry(
        name="constant-condition",
        title="a condition that is always true or always false",
        severity=Severity.WARNING,
        explanation=(
            "The condition is decided before anything is read, so that one of its ways is never "
            "taken. Compare with what may change, or leave the condition out."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: input.times > 1 || true}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: input.times > 1}
""",
    ),
    "DN4008": Entry(
        name="impossible-comparison",
        title="a comparison that never holds",
        severity=Severity.WARNING,
        explanation=(
            "By its type, or by what the expression has found out before, the value is never what "
            "it is compared with. Compare with a value that it can have."
        ),
        bad="""\
name: hello
input: {type: object, required: [times], properties: {times: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.times != null}
""",
        good="""\
name: hello
input: {type: object, required: [times], properties: {times: {type: [integer, "null"]}}}
steps:
  - {id: greet, task: hello.greet, when: input.times != null}
""",
    ),
    "DN4009": Entry(
        name="whole-division",
        title="a quotient of integers that meets a double",
        severity=Severity.INFO,
        explanation=(
            "Integers divide to an integer, and the fraction is lost before the double comes in. "
            "Write `double(a) / b` where the exact quotient is meant."
        ),
        bad="""\
name: hello
input: {type: object, required: [cents], properties: {cents: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: input.cents / 100 > 1.5}
""",
        good="""\
name: hello
input: {type: object, required: [cents], properties: {cents: {type: integer}}}
steps:
  - {id: greet, task: hello.greet, when: double(input.cents) / 100 > 1.5}
""",
    ),
    "DN4010": Entry(
        name="hidden-name",
        title="a variable that hides another name",
        severity=Severity.WARNING,
        explanation=(
            "Inside of the macro the name means its variable, and the other one cannot be read. "
            "Choose another name for the variable."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "input.names.exists(input, input == 'Ada')"}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "input.names.exists(name, name == 'Ada')"}
""",
    ),
    "DN4011": Entry(
        name="unused-variable",
        title="a variable that is never read",
        severity=Severity.WARNING,
        explanation=(
            "`cel.bind` names a value so that it can be used, and this name is used nowhere. "
            "Read the variable, or leave `cel.bind` out."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "cel.bind(n, size(input.names), size(input.names) > 1)"}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "cel.bind(n, size(input.names), n > 1 && n < 9)"}
""",
    ),
    "DN4012": Entry(
        name="refused-constant",
        title="a constant that its function always refuses",
        severity=Severity.ERROR,
        explanation=(
            "The text is no pattern, time, duration, time zone or address, so that the function "
            "would fail in every run. Write the text in the form that the function reads."
        ),
        bad="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "input.name.matches('[a-z')"}
""",
        good="""\
name: hello
steps:
  - {id: greet, task: hello.greet, when: "input.name.matches('[a-z]')"}
""",
    ),
}
