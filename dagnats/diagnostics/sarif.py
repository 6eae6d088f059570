"""Findings as SARIF 2.1.0, the format that code scanners exchange."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import quote

from dagnats.diagnostics.catalog import CATALOG
from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Span
from dagnats.diagnostics.render import encodable, url_of

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render_sarif(found: Mapping[str, Sequence[Diagnostic]], version: str) -> dict[str, Any]:
    """Return the log of one run over several files; `version` is that of dagnats.

    Rules stand for the codes that were found; columns count code points.
    """
    codes = sorted({finding.code for findings in found.values() for finding in findings})
    indices = {code: index for index, code in enumerate(codes)}
    results = [
        _result(name, finding, indices) for name, findings in found.items() for finding in findings
    ]
    driver = {
        "name": "dagnats",
        "version": version,
        "semanticVersion": version,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "artifacts": [{"location": _artifact(name)} for name in found],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    entry = CATALOG[code]
    text = f"{entry.explanation}\n\nReported:\n\n{entry.bad}\nInstead:\n\n{entry.good}"
    markdown = (
        f"{entry.explanation}\n\nReported:\n\n```yaml\n{entry.bad}```\n\n"
        f"Instead:\n\n```yaml\n{entry.good}```\n"
    )
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in entry.name.split("-")),
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.explanation},
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": _LEVELS[entry.severity]},
        "properties": {"page": url_of(code)},
    }


def _result(name: str, finding: Diagnostic, indices: Mapping[str, int]) -> dict[str, Any]:
    name = finding.file.name if finding.file else name
    help_ = f"\nhelp: {finding.help}" if finding.help else ""
    identity = "\0".join([finding.code, encodable(name), encodable(finding.message)])
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": indices[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": encodable(finding.message + help_)},
        "locations": [{"physicalLocation": _place(name, finding.span)}],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }
    if finding.labels:
        numbers = count(1)
        result["relatedLocations"] = [
            {
                "id": next(numbers),
                "message": {"text": encodable(label.message)},
                "physicalLocation": _place(label.file.name if label.file else name, label.span),
            }
            for label in finding.labels
        ]
    fixes = [_fix(name, fix) for fix in finding.fixes if fix.edits]
    if fixes:
        result["fixes"] = fixes
    return result


def _fix(name: str, fix: Fix) -> dict[str, Any]:
    return {
        "description": {"text": encodable(fix.title)},
        "artifactChanges": [
            {"artifactLocation": _artifact(name), "replacements": _replacements(fix.edits)}
        ],
        "properties": {"applicability": fix.applicability},
    }


def _replacements(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    return [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": encodable(edit.text)}}
        for edit in edits
    ]


def _place(name: str, span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(name), "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
        "charOffset": span.start.offset,
        "charLength": span.end.offset - span.start.offset,
    }


def _artifact(name: str) -> dict[str, str]:
    """Return how a file is called: a relative name stays relative, to the root of the sources."""
    path = quote(encodable(name).replace("\\", "/"), safe="/")
    return {"uri": f"file://{path}" if path.startswith("/") else path}
