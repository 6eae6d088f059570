"""CEL's resolution of names: with dots, in a container of names, hidden by variables of macros.

a.b.c in the container x.y    →  the longest known of x.y.a.b.c, x.a.b.c, a.b.c, then x.y.a.b, …
"""

from collections.abc import Collection, Iterator, Mapping

from dagnats.expr.ast import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.signatures import Function
from dagnats.expr.type_text import VALUES


def resolve(
    expr: Expr,
    variables: Collection[str],
    container: str,
    functions: Mapping[str, Function],
) -> Expr:
    """Return the tree with each chain of selections that names a variable or a type as one Ident.

    Of all names that a chain may begin with, the longest that exists counts, and of the prefixes
    of `container` the innermost; a leading dot stands for no prefix. A variable of a macro hides
    those that begin with its name, unless they are written with a leading dot. Function names are
    found in the container, too. What is not known stays as it is.
    """
    return _Resolver(frozenset(variables), _prefixes(container), functions).read(expr, frozenset())


def _prefixes(container: str) -> tuple[str, ...]:
    parts = [part for part in container.split(".") if part]
    return (*(".".join(parts[:n]) + "." for n in range(len(parts), 0, -1)), "")


class _Resolver:
    def __init__(
        self,
        variables: frozenset[str],
        prefixes: tuple[str, ...],
        functions: Mapping[str, Function],
    ) -> None:
        self._variables = variables
        self._prefixes = prefixes
        self._functions = functions

    def read(self, node: Expr, hidden: frozenset[str]) -> Expr:
        """Return the node with its names resolved, where macros have bound `hidden`."""
        match node:
            case Literal():
                return node
            case Ident():
                return self._named([node], hidden) or node
            case Select():
                return self._select(node, hidden)
            case Call():
                return self._call(node, hidden)
            case ListOf():
                items = tuple(self.read(item, hidden) for item in node.items)
                return ListOf(items, node.optional, node.id)
            case MapOf():
                entries = tuple(
                    (self.read(key, hidden), self.read(value, hidden))
                    for key, value in node.entries
                )
                return MapOf(entries, node.optional, node.id)
            case Comprehension():
                return self._comprehension(node, hidden)

    def _select(self, node: Select, hidden: frozenset[str]) -> Expr:
        chain = _chain(node)
        if chain is not None and (named := self._named(chain, hidden)) is not None:
            return named
        operand = self.read(node.operand, hidden)
        return Select(operand, node.field, node.optional, node.test, node.id)

    def _named(self, chain: list[Ident | Select], hidden: frozenset[str]) -> Expr | None:
        """Return what the longest beginning of a chain names, with the rest selected from it."""
        root = chain[0]
        assert isinstance(root, Ident), "a chain begins with a name"
        absolute = root.name.startswith(".")
        first = root.name.removeprefix(".")
        if first in hidden and not absolute:
            return None
        fields = [part.field for part in chain[1:] if isinstance(part, Select)]
        for length in range(len(chain), 0, -1):
            name = ".".join([first, *fields[: length - 1]])
            for candidate in self._candidates(name, absolute):
                if not self._exists(candidate):
                    continue
                # A macro's variable of the same name would catch the name: the dot keeps it free.
                dot = "." if candidate.split(".")[0] in hidden or candidate in hidden else ""
                found: Expr = Ident(dot + candidate, chain[length - 1].id)
                for part in chain[length:]:
                    assert isinstance(part, Select), "only its first part is a name"
                    found = Select(found, part.field, part.optional, part.test, part.id)
                return found
        return None

    def _exists(self, name: str) -> bool:
        return name in self._variables or name in VALUES

    def _candidates(self, name: str, absolute: bool) -> Iterator[str]:
        return (prefix + name for prefix in (("",) if absolute else self._prefixes))

    def _call(self, node: Call, hidden: frozenset[str]) -> Expr:
        args = tuple(self.read(arg, hidden) for arg in node.args)
        if node.target is None:
            return Call(self._function(node.function) or node.function, args, None, node.id)
        chain = _chain(node.target)
        if chain is not None:
            root = chain[0]
            assert isinstance(root, Ident), "a chain begins with a name"
            if root.name not in hidden:
                fields = [part.field for part in chain[1:] if isinstance(part, Select)]
                full = self._function(".".join([root.name, *fields, node.function]))
                if full is not None:
                    return Call(full, args, None, node.id)
        return Call(node.function, args, self.read(node.target, hidden), node.id)

    def _function(self, name: str) -> str | None:
        bare = name.removeprefix(".")
        for candidate in self._candidates(bare, bare is not name):
            if candidate in self._functions:
                return candidate
        return None

    def _comprehension(self, node: Comprehension, hidden: frozenset[str]) -> Expr:
        over = self.read(node.over, hidden)
        bound = {node.variable} if node.second is None else {node.variable, node.second}
        inside = hidden | bound
        guard = None if node.guard is None else self.read(node.guard, inside)
        body = self.read(node.body, inside)
        return Comprehension(node.macro, over, node.variable, body, guard, node.second, node.id)


def _chain(node: Expr) -> list[Ident | Select] | None:
    """Return the name and the plain selections of `a.b.c`, in that order; a test ends none."""
    parts: list[Ident | Select] = []
    while isinstance(node, Select):
        if node.optional or node.test:
            return None
        parts.append(node)
        node = node.operand
    if not isinstance(node, Ident):
        return None
    return [node, *reversed(parts)]
