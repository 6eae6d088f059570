"""The catalogue of what comments to dagnats can get wrong: DN901x."""

from dagnats.diagnostics.catalog_entry import Entry
from dagnats.diagnostics.diagnostic import Severity

STYLE = {
    "DN9010": Entry(
        name="unused-suppression",
        title="a comment that ignores what is not there",
        severity=Severity.WARNING,
        explanation=(
            "The finding that the comment is about is gone, or stands elsewhere, or is an error, "
            "which no comment can ignore. Remove the comment, so that it does not hide what comes "
            "later."
        ),
        bad="""\
name: hello
steps:
  # dagnats: ignore[DN9001] the Go worker still reads this file
  - {id: greet, task: hello.greet, timeout: 30s}
""",
        good="""\
name: hello
steps:
  # dagnats: ignore[DN9001] the Go worker still reads this file
  - {id: greet, task: hello.greet, timeout: 30000000000}
""",
    ),
    "DN9011": Entry(
        name="unknown-suppression",
        title="a comment that ignores a code that does not exist",
        severity=Severity.WARNING,
        explanation=(
            "A comment names the codes that it ignores in full, as findings show them. Write one "
            "that exists; `dagnats explain --list` lists them."
        ),
        bad="""\
name: hello
steps:
  # dagnats: ignore[style] the Go worker still reads this file
  - {id: greet, task: hello.greet, timeout: 30s}
""",
        good="""\
name: hello
steps:
  # dagnats: ignore[DN9001] the Go worker still reads this file
  - {id: greet, task: hello.greet, timeout: 30000000000}
""",
    ),
    "DN9012": Entry(
        name="malformed-suppression",
        title="a comment that means to ignore something and does not say what",
        severity=Severity.WARNING,
        explanation=(
            "It is written `# dagnats: ignore[CODE, CODE] reason`, or `ignore-file` for the whole "
            "document; without codes it would hide everything that is ever found there. Name the "
            "codes."
        ),
        bad="""\
name: hello
steps:
  # dagnats: ignore
  - {id: greet, task: hello.greet, timeout: 30s}
""",
        good="""\
name: hello
steps:
  # dagnats: ignore[DN9001] the Go worker still reads this file
  - {id: greet, task: hello.greet, timeout: 30000000000}
""",
    ),
}
