"""Which findings are wanted: codes and their prefixes, chosen and left out.

The longest prefix that fits a code decides, and of two equal ones the one that leaves it out.
Errors are always wanted: a document that does not compile is never clean.
"""

from collections.abc import Iterable
from typing import NamedTuple

from dagnats.diagnostics.diagnostic import Diagnostic, Severity


class Selection(NamedTuple):
    """Prefixes of codes to report, all when empty, and prefixes of those to leave out."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def wants(self, finding: Diagnostic) -> bool:
        """Whether a finding is to be reported."""
        if finding.severity is Severity.ERROR or not (self.select or self.ignore):
            return True
        chosen = _longest(self.select, finding.code) if self.select else 0
        return chosen is not None and chosen > (_longest(self.ignore, finding.code) or -1)


def _longest(prefixes: tuple[str, ...], code: str) -> int | None:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=None)


def problem(prefix: str, *, ignored: bool) -> str | None:
    """Return what is wrong with a code or prefix that someone selects or ignores, if anything."""
    from dagnats.diagnostics.catalog import CATALOG

    if ignored and prefix in CATALOG and CATALOG[prefix].severity is Severity.ERROR:
        return f"`{prefix}` cannot be ignored: a document that has this error does not compile"
    if prefix and any(code.startswith(prefix) for code in CATALOG):
        return None
    near = nearest(prefix, CATALOG)
    return f"no code is or begins with `{prefix}`" + (f"; did you mean `{near}`?" if near else "")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word of `known` that was probably meant by `word`."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), list(names), n=1, cutoff=0.7)
    return names[found[0]] if found else None
