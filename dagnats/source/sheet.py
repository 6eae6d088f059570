"""A text, the places in it, and how reading it ends early."""

from functools import cached_property

from dagnats.diagnostics.diagnostic import Diagnostic, Span
from dagnats.diagnostics.places import Places


class Sheet:
    """A text; where its lines begin is worked out when somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def places(self) -> Places:
        """The places of the text."""
        return Places(self.text)

    def span(self, start: int, end: int) -> Span:
        """Return the range between two offsets, neither of them within a line end."""
        if start and self.text.startswith("\r\n", start - 1):
            start -= 1
        if end > start and self.text.startswith("\r\n", end - 1):
            end += 1
        return self.places.span(start, end)

    def line_start(self, at: int) -> int:
        """Return where the line of an offset begins."""
        start = self.text.rfind("\n", 0, at) + 1
        return max(start, self.text.rfind("\r", start, at) + 1)


class RefusedError(Exception):
    """Reading cannot go on; carries the finding that says why.

    `stopped` is the offset where a parser gave up, None when the refusal is ours; `is_dated` says
    that the parser may have stopped at what only YAML 1.1 refuses.
    """

    def __init__(
        self, diagnostic: Diagnostic, stopped: int | None = None, *, is_dated: bool = False
    ) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.stopped = stopped
        self.is_dated = is_dated
