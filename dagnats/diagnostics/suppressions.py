"""Comments that silence findings: `# dagnats: ignore[DN9002] reason`.

Only warnings and hints can be ignored, never an error: it says that there is no program. A comment
that silences nothing is itself a finding, unless the document has errors, because then not
everything was judged. Which comments there are and what they cover, `source.comments` knows.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from dagnats.diagnostics.catalog import CATALOG
from dagnats.diagnostics.diagnostic import (
    KEPT_MAX,
    Diagnostic,
    Edit,
    Fix,
    Severity,
    Span,
    in_order,
)
from dagnats.diagnostics.places import Places
from dagnats.diagnostics.selection import nearest

DIRECTIVE = re.compile(r"#[ \t]*dagnats:[ \t]*(?:ig|noqa\b|disable\b|suppress\b)[^\r\n]*")
"""How a comment begins that means to silence something, rightly spelt or not."""

UNUSED, UNKNOWN, MALFORMED = "DN9010", "DN9011", "DN9012"

_FORM = re.compile(r"#[ \t]*dagnats:[ \t]*(ignore(?:-file)?)[ \t]*\[([^\]]*)\]")
_CODE = re.compile(r"[^\s,]+")
_HOW = "write `# dagnats: ignore[CODE] reason`, or `ignore-file` for the whole document"


class Comment(Struct, frozen=True):
    """A comment that means to silence something, and the lines that it is about.

    `whole` is what would be taken out with the comment: the blanks before it, or its whole line.
    """

    span: Span
    whole: Span
    first: int
    last: int


class _Suppression(Struct):
    """A comment that is understood: its codes, where the list stands, and which were of use."""

    comment: Comment
    whole_file: bool
    codes: dict[str, Span]
    listed: Span
    used: set[str] = field(default_factory=set)

    def covers(self, finding: Diagnostic) -> bool:
        """Whether it silences a finding."""
        line = finding.span.start.line
        here = self.whole_file or self.comment.first <= line <= self.comment.last
        own = finding.file is None and finding.code in self.codes
        return here and own and finding.severity is not Severity.ERROR

    def without(self, codes: set[str]) -> Edit:
        """Return the edit that takes codes out of the list, or out with the whole comment."""
        left = [code for code in self.codes if code not in codes]
        return Edit(self.listed, ", ".join(left)) if left else Edit(self.comment.whole, "")


def suppress(
    findings: Sequence[Diagnostic], text: str, comments: Sequence[Comment]
) -> tuple[Diagnostic, ...]:
    """Return what is left of the findings of a text, and what its comments get wrong."""
    places = Places(text)
    complaints: list[Diagnostic] = []
    suppressions = []
    for comment in comments:
        suppression = _understood(comment, text, places)
        if suppression is None:
            message = "this comment ignores nothing: it is not written as it has to be"
            complaints.append(
                Diagnostic(MALFORMED, message, comment.span, Severity.WARNING, help=_HOW)
            )
        else:
            complaints += _unknown(suppression) if len(complaints) < KEPT_MAX else ()
            suppressions.append(suppression)
    left = _left(findings, suppressions)
    judged = not any(finding.severity is Severity.ERROR for finding in findings)
    for suppression in suppressions:
        complaints += _unused(suppression, judged=judged)
    return in_order([*left, *_left(complaints[:KEPT_MAX], suppressions)])


def _understood(comment: Comment, text: str, places: Places) -> _Suppression | None:
    start = comment.span.start.offset
    found = _FORM.match(text, start, comment.span.end.offset)
    if found is None:
        return None
    listed = found.start(2)
    codes = {
        code.group(): places.span(listed + code.start(), listed + code.end())
        for code in _CODE.finditer(found[2])
    }
    whole_file = found[1] == "ignore-file"
    return _Suppression(comment, whole_file, codes, places.span(*found.span(2))) if codes else None


def _left(findings: Sequence[Diagnostic], suppressions: list[_Suppression]) -> list[Diagnostic]:
    """Return the findings that no comment silences, and remember which comments were of use."""
    left = []
    by_code: dict[str, list[_Suppression]] = {}
    for suppression in suppressions:
        for code in suppression.codes:
            by_code.setdefault(code, []).append(suppression)
    for finding in findings:
        silencing = [each for each in by_code.get(finding.code, ()) if each.covers(finding)]
        for each in silencing:
            each.used.add(finding.code)
        if not silencing:
            left.append(finding)
    return left


def _unknown(suppression: _Suppression) -> Iterator[Diagnostic]:
    for code, span in suppression.codes.items():
        if code in CATALOG:
            continue
        meant = nearest(code, CATALOG)
        message = f"there is no code `{code}`"
        fix = Fix(f"remove `{code}`", (suppression.without({code}),), "safe")
        help_ = f"did you mean `{meant}`?" if meant else "`dagnats explain --list` lists all codes"
        fixes = (Fix(f"write `{meant}`", (Edit(span, meant),)),) if meant else (fix,)
        yield Diagnostic(UNKNOWN, message, span, Severity.WARNING, help=help_, fixes=fixes)


def _unused(suppression: _Suppression, *, judged: bool) -> Iterator[Diagnostic]:
    about_comments = {UNUSED, UNKNOWN, MALFORMED}
    idle = [code for code in suppression.codes if code in CATALOG and code not in suppression.used]
    errors = {code for code in idle if CATALOG[code].severity is Severity.ERROR}
    unused = {code for code in idle if code in errors or (judged and code not in about_comments)}
    if not unused:
        return
    called = ", ".join(f"`{code}`" for code in idle if code in unused)
    if unused <= errors:
        message = f"{called} cannot be ignored: a document with an error does not compile"
    else:
        message = f"nothing is found here that ignoring {called} would silence"
    is_all = unused == set(suppression.codes)
    span = (
        suppression.comment.span
        if is_all
        else next(span for code, span in suppression.codes.items() if code in unused)
    )
    title = "remove the comment" if is_all else f"remove {called}"
    fix = Fix(title, (suppression.without(unused),), "safe")
    yield Diagnostic(UNUSED, message, span, Severity.WARNING, help=title, fixes=(fix,))
