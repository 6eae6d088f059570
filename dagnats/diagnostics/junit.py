"""Findings as JUnit XML, for the many tools that show test results: a file is a suite.

An error is a failed test, so that they agree with the exit code; warnings and hints are tests that
pass and say something. A file without findings is one test that passes.
"""

from collections.abc import Iterator, Mapping, Sequence

from dagnats.diagnostics.diagnostic import Diagnostic, Severity

_ENTITIES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
    "\r": "&#13;",
}


def render_junit(found: Mapping[str, Sequence[Diagnostic]]) -> str:
    """Return one XML document about several files."""
    tests = sum(max(len(findings), 1) for findings in found.values())
    failures = sum(_failures(findings) for findings in found.values())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="dagnats" tests="{tests}" failures="{failures}" errors="0">',
    ]
    for name, findings in found.items():
        lines += _suite(name, findings)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _failures(findings: Sequence[Diagnostic]) -> int:
    return sum(finding.severity is Severity.ERROR for finding in findings)


def _suite(name: str, findings: Sequence[Diagnostic]) -> Iterator[str]:
    called = _attribute(name)
    counts = f'tests="{max(len(findings), 1)}" failures="{_failures(findings)}"'
    yield f'  <testsuite name="{called}" {counts} errors="0" skipped="0">'
    if not findings:
        yield f'    <testcase name="dagnats lint" classname="{called}" file="{called}"/>'
    for finding in findings:
        start = finding.span.start
        where = finding.file.name if finding.file else name
        file = _attribute(where)
        message = _attribute(finding.message)
        at = f"{where}:{start.line}:{start.column}: {finding.message}"
        words = _attribute(at + (f"\nhelp: {finding.help}" if finding.help else ""))
        yield (
            f'    <testcase name="{finding.code} at {start.line}:{start.column}" '
            f'classname="{called}" file="{file}" line="{start.line}">'
        )
        if finding.severity is Severity.ERROR:
            yield f'      <failure type="{finding.severity}" message="{message}">{words}</failure>'
        else:
            yield f"      <system-out>{finding.severity}: {words}</system-out>"
        yield "    </testcase>"
    yield "  </testsuite>"


def _attribute(text: str) -> str:
    """Return a text as XML can hold it; what no XML can hold is replaced."""
    return "".join(_ENTITIES.get(char) or (char if _is_xml(char) else "\ufffd") for char in text)


def _is_xml(char: str) -> bool:
    return " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char > "\uffff"
