"""Sentences of the grammar: any expression that parses, every production within reach.

`sentence(rng, budget)` writes one; `budget` is about the number of parts it may have. The roots are
`ROOTS`, so that those who evaluate can bind them; variables of macros hide them now and then.
"""

from collections.abc import Callable, Sequence
from random import Random

ROOTS = ("a", "b", "c", "input", "items", "loop", "_x1")
FIELDS = ("f", "name", "while", "loop", "Size", "`a-b`", "`x.y/z w`", "_0")
FUNCTIONS = (
    "size",
    "string",
    "type",
    "f",
    "math.greatest",
    "math.abs",
    "optional.of",
    "sets.contains",
)
METHODS = ("size", "contains", "orValue", "matches", "as", "filter", "map", "f")
NUMBERS = (
    "0", "1", "42", "007", "0x1F", "0xabcdef", "9223372036854775807", "(-9223372036854775808)",
    "0u", "1U", "0xFFu", "18446744073709551615u", "1.5", ".5", "1e3", "1.5E-3", "2e+10", "0.0",
    "(-1)", "(- 1)", "(-.5)", "(--1)", "(-1.5.f())", "(1.f)",
)  # fmt: skip
STRINGS = (
    '""', "''", '"a"', "'it\"s'",
    '"\\n\\t\\\\\\"\\u00e9\\U0001F600\\x41\\101\\?\\`"', "'}}'", "'${{'",
    'r"\\d"', "R'\\'", '"""a"b\n"""', "'''it's'''", 'r"""\\"""', "R'''x\ny'''", "'é😀'", "'// no'",
    "b'x'", 'B"\\xff\\377"', "br'\\x'", 'bR"""a\nb"""', "B'''é'''", "b''",
)  # fmt: skip
BLANKS = (" ", " ", " ", " ", "", "  ", "\n", "\t", "\r\n", "\f", " // note }}\n")
_ONE = (
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "sortBy",
    "optMap",
    "optFlatMap",
)
_TWO = (
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "transformList",
    "transformMap",
    "transformMapEntry",
)
_GUARDED = ("transformList", "transformMap", "transformMapEntry")


def sentence(rng: Random, budget: int) -> str:
    """Return an expression of about `budget` parts."""
    return _Writer(rng).expr(budget)


class _Writer:
    """Writes productions from the loosest to the tightest; parentheses lead back to the loosest."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def expr(self, budget: int) -> str:
        if budget > 2 and self._rng.random() < 0.15:
            one, two, three = self._share(budget, 3)
            return self._spaced(self._or(one), "?", self._or(two), ":", self.expr(three))
        return self._or(budget)

    def _or(self, budget: int) -> str:
        return self._chain(budget, ("||",), self._and, 0.15)

    def _and(self, budget: int) -> str:
        return self._chain(budget, ("&&",), self._relation, 0.2)

    def _relation(self, budget: int) -> str:
        return self._chain(budget, ("<", "<=", ">", ">=", "==", "!=", " in "), self._sum, 0.25)

    def _sum(self, budget: int) -> str:
        return self._chain(budget, ("+", "-"), self._product, 0.2)

    def _product(self, budget: int) -> str:
        return self._chain(budget, ("*", "/", "%"), self._unary, 0.15)

    def _unary(self, budget: int) -> str:
        sign = self._rng.choice(["", "", "", "", "", "!", "-", "!!", "--"])
        return sign + self._member(budget)

    def _member(self, budget: int) -> str:
        writers: Sequence[Callable[[int], str]] = (
            self._leaf, self._select, self._select, self._index, self._method, self._call,
            self._macro, self._macro, self._namespaced_macro, self._list, self._map, self._group,
        )  # fmt: skip
        return self._leaf(budget) if budget <= 1 else self._rng.choice(writers)(budget - 1)

    def _leaf(self, _: int) -> str:
        rng = self._rng
        kind = rng.random()
        if kind < 0.5:
            return rng.choice(("", "", "", "", ".")) + rng.choice(ROOTS)
        if kind < 0.7:
            return rng.choice(NUMBERS)
        return rng.choice(STRINGS if kind < 0.9 else ("true", "false", "null"))

    def _select(self, budget: int) -> str:
        dot = self._rng.choice((".", ".", ".?", " . ", ".\n?"))
        return self._member(budget) + dot + self._rng.choice(FIELDS)

    def _index(self, budget: int) -> str:
        one, two = self._share(budget, 2)
        return f"{self._member(one)}[{self._rng.choice(('', '', '?'))}{self.expr(two)}]"

    def _call(self, budget: int) -> str:
        if self._rng.random() < 0.2:
            return f"has({self._member(budget)}.{self._rng.choice(FIELDS)})"
        name = self._rng.choice(("", "", ".")) + self._rng.choice(FUNCTIONS)
        return f"{name}({self._arguments(budget, self._rng.randint(0, 3))})"

    def _method(self, budget: int) -> str:
        one, two = self._share(budget, 2)
        name = self._rng.choice(METHODS)
        # With more arguments some of these are macros.
        count = self._rng.randint(0, 1)
        return f"{self._member(one)}.{name}({self._arguments(two, count)})"

    def _macro(self, budget: int) -> str:
        rng = self._rng
        over, one, two = self._share(budget, 3)
        target = self._member(over)
        form = rng.random()
        x, y = rng.sample((*ROOTS, "x", "y", "i"), 2)
        guard = f"{self.expr(one)}, "
        if form < 0.55:
            return f"{target}.{rng.choice(_ONE)}({x}, {self.expr(two)})"
        if form < 0.65:
            return f"{target}.map({x}, {guard}{self.expr(two)})"
        if form < 0.9:
            return f"{target}.{rng.choice(_TWO)}({x}, {y}, {self.expr(two)})"
        return f"{target}.{rng.choice(_GUARDED)}({x}, {y}, {guard}{self.expr(two)})"

    def _namespaced_macro(self, budget: int) -> str:
        one, two = self._share(budget, 2)
        if self._rng.random() < 0.7:
            return f"cel.bind({self._rng.choice(ROOTS)}, {self.expr(one)}, {self.expr(two)})"
        if self._rng.random() < 0.5:
            return f"cel.block([{self.expr(one)}, [cel.index(0)]], [cel.index(1), cel.index(0)])"
        return f"{self._member(one)}.map(cel.iterVar(0, 0), cel.iterVar(0, 0) + {self._unary(two)})"

    def _list(self, budget: int) -> str:
        parts = self._share(budget, self._rng.randint(0, 3))
        items = [self._rng.choice(("", "", "", "?")) + self.expr(part) for part in parts]
        return f"[{self._listed(items)}]"

    def _map(self, budget: int) -> str:
        parts = self._share(budget, self._rng.randint(0, 2) * 2)
        pairs = [iter(parts)] * 2
        entries = [
            self._rng.choice(("", "", "", "?")) + self._spaced(self.expr(k), ":", self.expr(v))
            for k, v in zip(*pairs, strict=True)
        ]
        return f"{{{self._listed(entries)}}}"

    def _group(self, budget: int) -> str:
        return f"({self._blank()}{self.expr(budget)}{self._blank()})"

    def _listed(self, parts: list[str]) -> str:
        last = self._rng.choice(("", "", ","))
        return f",{self._blank()}".join(parts) + last

    def _arguments(self, budget: int, count: int) -> str:
        return ", ".join(self.expr(part) for part in self._share(budget, count))

    def _chain(
        self, budget: int, signs: tuple[str, ...], inner: Callable[[int], str], chance: float
    ) -> str:
        count = 1
        while count < min(budget, 4) and self._rng.random() < chance:
            count += 1
        parts = [inner(part) for part in self._share(budget, count)]
        written = parts[:1]
        for part in parts[1:]:
            written += [self._rng.choice(signs), part]
        return self._spaced(*written)

    def _spaced(self, *parts: str) -> str:
        # `a - -1` must not become `a --1`, nor `a ? .b` become `a ?.b` by accident: both parse, but
        # a blank keeps the text what its writer meant.
        return "".join(part + (self._blank() or " ") for part in parts[:-1]) + parts[-1]

    def _blank(self) -> str:
        return self._rng.choice(BLANKS)

    def _share(self, budget: int, count: int) -> list[int]:
        """Split what may be spent into `count` shares, none below 1."""
        shares = [1] * count
        for _ in range(max(budget - count, 0) if count else 0):
            shares[self._rng.randrange(count)] += 1
        return shares
