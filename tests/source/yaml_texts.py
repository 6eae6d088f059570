"""Random YAML with comments, in all the ways that people write it."""

import random
from collections.abc import Iterator

PLAIN = [
    "a", "review", "two words", "1", "1.0", "1e3", "0x1F", "true", "null", "~", "no", "2024-01-01",
    "a#b", "a:b", "http://x/y?z=1", "steps.a.output > 1", "ünïcödé 😀", "-1", "-x", "x" * 70, "x-",
]  # fmt: skip
SINGLE = [
    "''",
    "'a'",
    "'it''s'",
    "'say \"x\"'",
    r"'\d'",
    "'# no comment'",
    "'${{ input.a }}'",
    "' '",
]
DOUBLE = [
    '""',
    '"a"',
    r'"\"x\" \u00e9"',
    '"it\'s"',
    '"# no"',
    '"${{ input.a }}"',
    '"1"',
    r'"a\tb "',
]
KEYS = ["a", "id", "task", "with", "steps", '"k k"', "'q'", "a.b", "x-y", "ключ"]


class Writer:
    """Writes one document; `comments` are numbered in the order that they stand in the text."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.comments = 0
        self._anchors: list[str] = []
        self._maps: list[str] = []
        self._next_anchor = 0

    def document(self) -> str:
        """Return a whole text."""
        lines: list[str] = []
        if self._maybe(0.2):
            lines += [*self._above(0), "---" + self._behind()]
        lines += self._block(0, 0)
        if self._maybe(0.3):
            lines += self._above(0)
        if self._maybe(0.1):
            lines += ["...", *self._above(0)]
        text = "\n".join(lines) + self._pick(["\n", "\n", "\n\n\n", ""])
        if self._maybe(0.2):
            text = text.replace("\n", "\r\n")
        return self._pick(["", "", "", "\ufeff"]) + text

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _pick(self, choices: list[str]) -> str:
        return self._random.choice(choices)

    def _comment(self) -> str:
        self.comments += 1
        return (
            self._pick(["# ", "#", "## ", "#   "])
            + f"c{self.comments}c"
            + self._pick(["", " ", "'"])
        )

    def _behind(self) -> str:
        """Return blanks, perhaps with a comment behind them."""
        if self._maybe(0.15):
            return self._pick([" ", "  ", "     "]) + self._comment()
        return self._pick(["", "", "", " "])

    def _above(self, indent: int) -> list[str]:
        lines = []
        while self._maybe(0.2):
            stray = max(indent + self._random.choice([0, 0, 0, 0, -2, 2, 1]), 0)
            lines.append(self._pick(["", " " * stray + self._comment()]))
        return lines

    def _block(self, indent: int, depth: int) -> list[str]:
        is_list = self._maybe(0.4)
        lines: list[str] = []
        keys = self._random.sample(KEYS, self._random.randint(1, 4))
        for key in keys:
            lines += self._above(indent)
            if is_list:
                lines += self._item(indent, depth)
            else:
                lines += self._entry(key, indent, depth)
        if not is_list and self._maps and self._maybe(0.3):
            merged = self._pick([f"*{self._pick(self._maps)}", f"[*{self._pick(self._maps)} ]"])
            lines.append(f"{' ' * indent}<<:  {merged}{self._behind()}")
        lines += self._above(indent)
        return lines

    def _item(self, indent: int, depth: int) -> list[str]:
        if depth < 4 and self._maybe(0.5):
            if self._maybe(0.25):
                step = self._random.randint(1, 4)
                first = f"{' ' * indent}-{self._anchor()}{self._behind()}"
                return [first, *self._block(indent + step, depth + 1)]
            step = self._random.randint(2, 4)
            first, *rest = self._nested(indent + step, depth + 1)
            return [" " * indent + "-" + " " * (step - 1) + first.lstrip(" "), *rest]
        return self._leaf(" " * indent + "-", indent, depth)

    def _nested(self, indent: int, depth: int) -> list[str]:
        """Return a block that begins behind a dash: with no comment above its first line."""
        before, anchors, maps = self.comments, len(self._anchors), len(self._maps)
        while True:
            lines = self._block(indent, depth)
            if lines[0].strip() and not lines[0].lstrip().startswith("#"):
                return lines
            self.comments = before
            del self._anchors[anchors:], self._maps[maps:]

    def _entry(self, key: str, indent: int, depth: int) -> list[str]:
        lead = " " * indent + key + self._pick([":", ":", ":", " :"])
        if self._maybe(0.05):
            lead = " " * indent + "? " + key + self._behind() + "\n" + " " * indent + ":"
        if depth < 4 and self._maybe(0.4):
            first = lead + self._anchor() + self._behind()
            return [first, *self._block(indent + self._random.randint(1, 4), depth + 1)]
        if depth < 4 and self._maybe(0.2):
            items: list[str] = []
            first = lead + self._behind()
            for _ in range(self._random.randint(1, 3)):
                items += self._above(indent) + self._item(indent, depth + 1)
            return [first, *items]
        return self._leaf(lead, indent, depth)

    def _anchor(self) -> str:
        if not self._maybe(0.1):
            return ""
        self._next_anchor += 1
        return f" &n{self._next_anchor}"

    def _leaf(self, lead: str, indent: int, depth: int) -> list[str]:
        kind = self._random.random()
        if kind < 0.02:
            self._next_anchor += 1
            self._maps.append(f"n{self._next_anchor}")
            return [f"{lead} &n{self._next_anchor} {{a: 1,id: '2'}}{self._behind()}"]
        if kind < 0.08:
            return [lead + self._behind()]
        if kind < 0.13 and self._anchors:
            return [f"{lead} *{self._pick(self._anchors)}{self._behind()}"]
        anchor = ""
        if self._maybe(0.08):
            self._next_anchor += 1
            anchor = f" &n{self._next_anchor}"
        if kind < 0.3:
            lines = self._literal(lead + anchor, indent)
        elif kind < 0.4:
            lines = self._folding(lead + anchor, indent)
        elif kind < 0.7:
            flow = self._flow(indent, depth, self._maybe(0.3))
            first, *rest = f"{lead}{anchor} {flow}".split("\n")
            lines = [first, *rest]
            lines[-1] += self._behind()
        else:
            gap = self._pick([" ", " ", "   ", "\n" + " " * (indent + 3)])
            lines = f"{lead}{anchor}{gap}{self._pick(PLAIN + SINGLE + DOUBLE)}".split("\n")
            lines[-1] += self._behind()
        if anchor:
            self._anchors.append(anchor[2:])
        return lines

    def _literal(self, lead: str, indent: int) -> list[str]:
        step = self._random.randint(1, 4)
        digit = self._pick(["", "", "", str(step)])
        chomp = self._pick(["", "", "-", "+"])
        marks = digit + chomp if self._maybe(0.5) else chomp + digit
        lines = [f"{lead} {self._pick(['|', '>'])}{marks}{self._behind()}"]
        for number in range(self._random.randint(0, 4)):
            extra = "" if number == 0 and not digit else self._pick(["", "", "  ", "\t"])
            lines.append(
                " " * (indent + step) + extra + self._pick(["text", "# text", "a: b ", "- x"])
            )
            if self._maybe(0.2):
                lines.append(self._pick(["", " " * (indent + step), " " * (indent + step + 2)]))
        return lines

    def _folding(self, lead: str, indent: int) -> list[str]:
        quote = self._pick(["", "'", '"'])
        words = self._random.sample(["one", "two", "three", "it", "a  b"], 3)
        if quote == '"':
            words[1] += self._pick(["", " \\", "\\ ", "\\n"])
        lines = [f"{lead} {quote}{words[0]}{self._pick(['', ' '])}"]
        for word in words[1:]:
            if self._maybe(0.2):
                lines.append("")
            lines.append(" " * (indent + self._random.randint(1, 4)) + word)
        lines[-1] += quote + self._behind()
        return lines

    def _flow(self, indent: int, depth: int, is_open: bool) -> str:
        is_list = self._maybe(0.5)
        opening, closing = "[]" if is_list else "{}"
        parts = [opening]
        count = self._random.randint(0, 4)
        keys = self._random.sample(KEYS, count)
        for number, key in enumerate(keys):
            parts.append(self._gap(indent, is_open))
            if not is_list or self._maybe(0.1):
                parts.append(key + self._pick([": ", ": ", " : "]))
            if depth < 6 and self._maybe(0.3):
                parts.append(self._flow(indent, depth + 1, is_open))
            elif not is_list and self._maybe(0.05):
                pass
            else:
                parts.append(self._pick([*PLAIN[:8], "two words", "x" * 40, *SINGLE, *DOUBLE]))
            parts.append(self._gap(indent, is_open))
            if number < count - 1 or self._maybe(0.2):
                parts.append(",")
        parts.append(self._gap(indent, is_open))
        return "".join(parts) + closing

    def _gap(self, indent: int, is_open: bool) -> str:
        """Return what may stand between two parts within brackets."""
        if not is_open or self._maybe(0.4):
            return self._pick(["", " ", "  "]) or " "
        comment = " " + self._comment() if self._maybe(0.2) else ""
        return comment + "\n" + " " * (indent + self._random.randint(1, 5))


def numbers(text: str) -> Iterator[int]:
    """Yield the numbers of the comments of a text in their order."""
    import re

    return (int(found) for found in re.findall(r"#+ *c(\d+)c", text))
