"""Writes Python: lines made of generated names and operators, nothing else.

Every object that the lines speak of (constants, names of fields, functions, types) is bound to a
generated name beforehand. A temporary is assigned once, so what two lines would compute is computed
once, and what a guard found out about a temporary holds wherever the guard has been passed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

LEVELS_MAX: Final = 14
"""Blocks in blocks before the rest moves to a function of its own; Python allows 20 loops."""


class _Scope:
    """What is known in one block: what was computed, and kinds by name."""

    __slots__ = ("kinds", "known", "ranged")

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.ranged: set[str] = set()


class Emitter:
    """The text of some functions that call each other, and the objects they speak of."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__builtins__": {}}
        self._bound: dict[int, str] = {}
        self._functions: list[list[str]] = []
        self._lines: list[str] = []
        self._scopes: list[_Scope] = [_Scope()]
        self._floor = 0
        self._levels = 0
        self._count = 0

    def fresh(self, letter: str) -> str:
        """Return a name that nothing has."""
        self._count += 1
        return f"{letter}{self._count}"

    def bind(self, value: Any) -> str:
        """Return the name of an object."""
        name = self._bound.get(id(value))
        if name is None:
            name = self._bound[id(value)] = self.fresh("c")
            self.names[name] = value
        return name

    def late(self) -> str:
        """Return a name whose object is told later, with `tell`."""
        return self.fresh("c")

    def tell(self, name: str, value: Any) -> None:
        """Give a name from `late` its object."""
        self.names[name] = value

    def line(self, text: str) -> None:
        """Write a line into the current block."""
        self._lines.append(f"{' ' * (self._levels + 1)}{text}")

    def once(self, text: str, kind: str | None = None) -> str:
        """Return a name for what an expression of names gives, computed once in reach."""
        for scope in reversed(self._scopes[self._floor :]):
            known = scope.known.get(text)
            if known is not None:
                return known
        name = self.fresh("t")
        self.line(f"{name} = {text}")
        self._scopes[-1].known[text] = name
        self.learn(name, kind)
        return name

    def learn(self, name: str, kind: str | None) -> None:
        """Note the kind of a name, from here to the end of the block."""
        if kind is not None:
            self._scopes[-1].kinds[name] = kind

    def kind(self, name: str) -> str | None:
        """Return the kind of a name, if it is known here."""
        for scope in reversed(self._scopes):
            kind = scope.kinds.get(name)
            if kind is not None:
                return kind
        return None

    def learn_range(self, name: str) -> None:
        """Note that an integer is of 64 bits, from here to the end of the block."""
        self._scopes[-1].ranged.add(name)

    def in_range(self, name: str) -> bool:
        """Whether an integer is known to be of 64 bits here."""
        return any(name in scope.ranged for scope in self._scopes)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a block; what is learned inside is forgotten after it."""
        self.line(head)
        self._levels += 1
        self._scopes.append(_Scope())
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")
        self._scopes.pop()
        self._levels -= 1

    @property
    def crowded(self) -> bool:
        """Whether blocks are nested so deep that the rest is for another function."""
        return self._levels >= LEVELS_MAX

    @contextmanager
    def function(self, name: str, parameters: list[str]) -> Iterator[None]:
        """Write a function; only its parameters and what is bound can be used inside."""
        outer = self._lines, self._levels, self._floor
        self._lines, self._levels, self._floor = [], 0, len(self._scopes)
        self._scopes.append(_Scope())
        self._lines.append(f"def {name}({', '.join(parameters)}):")
        yield
        self._scopes.pop()
        self._functions.append(self._lines)
        self._lines, self._levels, self._floor = outer

    def insert(self, text: str) -> None:
        """Write a line before all others of the current function."""
        self._lines.insert(1, f" {text}")

    def source(self) -> str:
        """Return the text of all functions."""
        return "\n".join(line for lines in self._functions for line in lines) + "\n"
