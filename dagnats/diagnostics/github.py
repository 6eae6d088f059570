"""Findings as workflow commands of GitHub Actions, which shows them beside changed lines."""

from collections.abc import Mapping, Sequence

from dagnats.diagnostics.diagnostic import Diagnostic, Severity
from dagnats.diagnostics.drawing import visible
from dagnats.diagnostics.render import encodable

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_github(found: Mapping[str, Sequence[Diagnostic]]) -> str:
    """Return one command for each finding: `::error file=…,line=…::DN3002 message`."""
    return "".join(
        f"{_command(name, finding)}\n" for name, findings in found.items() for finding in findings
    )


def _command(name: str, finding: Diagnostic) -> str:
    start, end = finding.span.start, finding.span.end
    properties: dict[str, str | int] = {
        "title": f"dagnats {finding.code}",
        "file": finding.file.name if finding.file else name,
        "line": start.line,
        "endLine": end.line,
    }
    # Columns are only understood where both are on one line.
    if start.line == end.line:
        properties |= {"col": start.column, "endColumn": max(end.column, start.column)}
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    help_ = f"\nhelp: {visible(finding.help)}" if finding.help else ""
    words = _data(f"{finding.code} {visible(finding.message)}{help_}")
    return f"::{_COMMANDS[finding.severity]} {written}::{words}"


def _data(text: str) -> str:
    """Return a text as it may stand behind the `::`; a line break in it would end the command."""
    escaped = encodable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(char if char >= " " and char != "\x7f" else "\ufffd" for char in escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
