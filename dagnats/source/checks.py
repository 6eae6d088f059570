"""What the reader says about single scalars, keys and tags while it builds a document."""

import re

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Sink, Span
from dagnats.source import characters, traps
from dagnats.source.document import Entry, Node, Scalar, Sequence
from dagnats.source.merging import KEY
from dagnats.source.quoting import quoted
from dagnats.source.scalars import NUMERIC_STARTS, Refusal, resolve
from dagnats.source.sheet import RefusedError, Sheet
from dagnats.source.traps import EXPRESSION_KEYS

Value = bool | int | float | str | None

_BLANK_BEGINS = re.compile(r"[ \t]+#")
_GLUED_COMMENT = re.compile(r"['\"\]}]#")
_TAG = re.compile(r"![^\s,\[\]{}]*")
_NO_BREAK_SPACE = "\xa0"
_STANDARD = "tag:yaml.org,2002:"
_TAG_HELP = {
    "str": "quote the value instead",
    "binary": "write the text itself, or decode it in an expression: `base64.decode(…)`",
    "set": "write a list",
    "omap": "write a list of mappings",
    "pairs": "write a list of mappings",
    "timestamp": "remove it: dates are texts",
    "merge": "write a plain `<<`",
    "int": "remove it, and write the number without quotes",
    "float": "remove it, and write the number without quotes",
    "bool": "remove it, and write `true` or `false` without quotes",
    "null": "remove it, and write `null` without quotes",
}


class Checks:
    """Judges the parts of one text as they are read."""

    def __init__(self, sheet: Sheet, sink: Sink) -> None:
        self._sheet = sheet
        self._text = sheet.text
        self._sink = sink
        self._signs = traps.Signs(sheet)
        self._has_glued_comments = _GLUED_COMMENT.search(self._text) is not None
        self._has_signs = "#" in self._text

    def plain(self, text: str, span: Span, *, is_key: bool) -> Value:
        """Return the value of a plain scalar; the sink says where it may surprise.

        Keys are strings, whatever they look like, or refused.
        """
        start, end = span.start.offset, span.end.offset
        if self._has_signs and not is_key:
            self._check_signs(self._text[start:end], start, end)
        value = resolve(text)
        if is_key and not isinstance(value, Refusal):
            return value
        if type(value) is str:
            if text in traps.AMBIGUOUS:
                self._add(traps.doubtful_word(text, span))
            elif text[0] in NUMERIC_STARTS:
                self._add(traps.doubtful_number(text, value, span))
            elif span.start.line != span.end.line and ":" in text:
                self._add(self._signs.blanks(self._text[start:end], start))
            return value
        if isinstance(value, Refusal):
            self._sink.add(Diagnostic("DN1010", value.message, span, help=value.help))
            return None
        if type(value) is int:
            self._add(traps.doubtful_number(text, value, span))
        elif text == "~":
            self._add(traps.doubtful_word(text, span))
        return value

    def quoted(self, value: str, span: Span) -> str:
        """Return a text without what no text may hold: an escape can smuggle it in."""
        if found := characters.FORBIDDEN.search(value):
            message = f"the character U+{ord(found.group()):04X} is not allowed"
            help_ = "leave the character out"
            self._sink.add(Diagnostic("DN1002", message, span, help=help_))
            value = characters.FORBIDDEN.sub("\ufffd", value)
        found = characters.INVISIBLE.search(value)
        if found and found.group() not in self._text[span.start.offset : span.end.offset]:
            self._sink.add(characters.unseen(found.group(), span))
        return value

    def end(self, end: int) -> None:
        """Say that a comment touches the quote or bracket before it, if one does."""
        if self._has_glued_comments and self._text.startswith("#", end):
            self._sink.add(self._signs.glued_behind(end))

    def root(self, root: Node) -> None:
        """Refuse a document that is one word only because a blank is missing in it."""
        if not isinstance(root, Scalar) or root.style != "plain":
            return
        start, end = root.span.start.offset, root.span.end.offset
        colon = traps.has_no_blank(self._text[start:end])
        if colon is not None:
            raise RefusedError(self._signs.blank(start + colon, Severity.ERROR))

    def key(self, node: Node, span: Span) -> str | None:
        """Return the key that a node is, or None after saying why it is none."""
        start = span.start.offset
        if not isinstance(node, Scalar):
            if start and self._text.startswith("{{", start - 1):
                from dagnats.source.recovery import braces

                raise RefusedError(braces(self._sheet, start - 1))
            message = "a key is a string, not a list or mapping"
            self._sink.add(Diagnostic("DN1004", message, span, help="name it"))
            return None
        if isinstance(node.value, str):
            if node.style == "plain":
                self._check_key(node.value, span)
            return node.value
        written = self._text[start : span.end.offset]
        if not written:
            help_ = "write one before the `:`"
            self._sink.add(Diagnostic("DN1004", "the key is missing", span, help=help_))
            return None
        as_text = f'"{written}"'
        fix = Fix(f"write {as_text}", (Edit(span, as_text),), "safe")
        message, help_ = f"the key `{written}` is not a string", f"quote it: `{as_text}`"
        self._sink.add(Diagnostic("DN1004", message, span, help=help_, fixes=(fix,)))
        return written

    def again(self, key: str, span: Span, first: Entry) -> None:
        """Say that a key stands twice."""
        labels = (Label(first.key_span, "first defined here"),)
        message, help_ = f"the key `{key}` is defined twice", "remove or rename one of them"
        if key == KEY:
            help_ = "merge a list: `<<: [*one, *two]`"
        self._sink.add(Diagnostic("DN1003", message, span, labels=labels, help=help_))

    def entry(self, entry: Entry, *, is_flow: bool, is_root: bool) -> None:
        """Say what a key and its value only seem to be."""
        value = entry.value
        if is_flow and isinstance(value, Scalar) and value.span.start == value.span.end:
            start = entry.key_span.start.offset
            colon = traps.has_no_blank(self._text[start : entry.key_span.end.offset])
            if colon is not None:
                self._sink.add(self._signs.blank(start + colon, Severity.WARNING))
        is_number = isinstance(value, Scalar) and type(value.value) is float
        # The version of a workflow is read as it is written.
        if (is_number or isinstance(value, Sequence)) and not (is_root and entry.key == "version"):
            for finding in traps.lost_zeros(entry):
                self._sink.add(finding)

    def tag(self, tag: str, key: str, span: Span, *, is_scalar: bool) -> bool:
        """Say that a tag is none of ours; whether its `!` was meant as a part of the value."""
        is_standard = tag.startswith(_STANDARD)
        found = _TAG.search(self._text, span.start.offset)
        if is_scalar and key in EXPRESSION_KEYS and not is_standard and found:
            from dagnats.source.recovery import begun_sign

            self._sink.add(begun_sign(self._sheet, span, is_certain=found.group() != "!"))
            return True
        name = tag.removeprefix(_STANDARD) if is_standard else ""
        shown = f"!!{name}" if is_standard else tag
        help_ = _TAG_HELP.get(name, "remove it; quote the value if it should begin with `!`")
        fixes: tuple[Fix, ...] = ()
        if name.startswith("python/"):
            help_ = "remove it: a document never makes objects"
        elif name == "str" and is_scalar and span.start.line == span.end.line and found:
            rest = self._text[found.end() : span.end.offset].strip()
            if rest and rest[0] not in "\"'|>&":
                title, written = f"write {quoted(rest)}", quoted(rest)
                fixes = (Fix(title, (Edit(span, written),), "safe"),)
        where = span if is_scalar or found is None else self._sheet.span(*found.span())
        message = f"the tag `{shown}` is not part of the language"
        self._sink.add(Diagnostic("DN1005", message, where, help=help_, fixes=fixes))
        return False

    def _check_signs(self, written: str, start: int, end: int) -> None:
        finding = self._signs.glued_in(written, start) if "#" in written else None
        if finding is None and _BLANK_BEGINS.match(self._text, end):
            finding = self._signs.cut(written, end)
        self._add(finding)

    def _check_key(self, key: str, span: Span) -> None:
        """Say where a colon makes a key of the beginning of a text, and which blanks are none."""
        if ("{{" in key or '"' in key or "'" in key) and traps.is_open(key):
            end = span.end.offset
            place = self._sheet.span(end, end + 1)
            label = Label(span, "this became a key")
            message, help_ = "`:` makes a key of what stands before it", "quote the whole value"
            raise RefusedError(Diagnostic("DN1015", message, place, labels=(label,), help=help_))
        if key[0] == _NO_BREAK_SPACE or key[-1] == _NO_BREAK_SPACE:
            self._sink.add(characters.unseen(_NO_BREAK_SPACE, span))

    def _add(self, finding: Diagnostic | None) -> None:
        if finding is not None:
            self._sink.add(finding)
