"""Writes a Python function for an expression: the fast tier.

It is optimistic. Where data is as usual it computes what the exact tier would; where anything is
not (a field that is missing, a number out of its range, an operand of another kind) it returns
`miss`, or raises whatever Python raises, and the exact tier starts over. It never has another
answer: what Python sees differently from CEL is guarded or left to the functions of the table.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    walk,
)
from dagnats.expr.costing import costs
from dagnats.expr.evaluation.charges import Rules, call_cost, check_of
from dagnats.expr.evaluation.closures import coerce, interpolate, put
from dagnats.expr.evaluation.loops import write_macro
from dagnats.expr.evaluation.operators import OPERATORS
from dagnats.expr.evaluation.writing import KIND_OF, Application, Writing, kind_of
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.kinds import NONE, Present
from dagnats.expr.library import values
from dagnats.expr.names import Called, called, type_named, type_of_path

Fast = Callable[[Mapping[str, Any]], Any]

_LITERALS_MAX: Final = 100
"""Texts in a list display that `in` looks up in a set."""


def compile_fast(expr: Expr, rules: Rules, miss: object, *, counts: bool) -> Fast:
    """Return the fast tier of an expression: a function of the roots.

    When it `counts` it gives up before it could have cost more than the limit.
    """
    writer = Writer(rules, miss, counts=counts)
    try:
        code = compile(writer.function_of(expr), "<expression>", "exec")
    except RecursionError:
        return lambda _: miss
    if counts and writer.cost > rules.limits.cost_max:
        return lambda _: miss
    namespace = writer.out.names
    exec(code, namespace)  # noqa: S102 (generated names only)
    fast: Fast = namespace["run"]
    return fast


class Writer(Writing):
    """Writes every kind of node."""

    def function_of(self, expr: Expr) -> str:
        """Write the function `run` of the roots and return the text of everything."""
        out = self.out
        with out.function("run", ["r"]):
            out.line(f"return {self.value(expr)}")
            if self.charges:
                base = out.late()
                out.tell(base, self.cost)
                out.insert(f"k = [{base}]")
        return out.source()

    def value(self, node: Expr) -> str:
        """Write a node; deep inside blocks, as a function of its own."""
        if not self.out.crowded or isinstance(node, Literal | Ident):
            return self._value(node)
        out = self.out
        free = {part.name for part in walk(node) if isinstance(part, Ident)}
        given = dict.fromkeys(name for key, name in self.variables.items() if key in free)
        parameters = ["r", *(["k"] if self.counts else []), *given]
        function = out.fresh("f")
        self.charges = self.charges or self.counts
        with out.function(function, parameters):
            out.line(f"return {self._value(node)}")
        name = out.fresh("t")
        out.line(f"{name} = {function}({', '.join(parameters)})")
        out.line(f"if {name} is {self.miss}: return {self.miss}")
        return name

    def _value(self, node: Expr) -> str:
        match node:
            case Literal():
                return self._literal(node)
            case Ident():
                return self._ident(node)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case ListOf():
                return self._list(node)
            case MapOf():
                return self._map(node)
            case Comprehension():
                return write_macro(self, node)
            case _:
                assert_never(node)

    def _literal(self, node: Literal) -> str:
        name = self.out.bind(node.value)
        kind = KIND_OF.get(type(node.value))
        self.out.learn(name, kind)
        if kind == "int":
            self.out.learn_range(name)
        return name

    def _ident(self, node: Ident) -> str:
        self.cost += costs.IDENT
        if node.name in self.variables:
            return self.variables[node.name]
        name = node.name.removeprefix(".")
        key, type_ = self.out.bind(name), type_named(name)
        read = f"r[{key}]"
        if type_ is None:
            return self.out.once(read)
        return self.out.once(f"{read} if {key} in r else {self.out.bind(type_)}")

    def _select(self, node: Select) -> str:
        out = self.out
        type_ = type_of_path(node, self.variables)
        if type_ is not None:
            self.give_up_unless(f"{out.bind(type_[0])} not in r")
            self.cost += costs.IDENT
            return out.bind(type_[1])
        operand = self.value(node.operand)
        self.cost += costs.access(node)
        field = out.bind(node.field)
        if node.optional:
            return out.once(f"{out.bind(values.optional_field)}({operand}, {field})")
        if node.test:
            if out.kind(operand) == "dict":
                return out.once(f"{field} in {operand}", "bool")
            is_map = f"{self.type}({operand}) is {self.python['dict']}"
            looks = f"{out.bind(values.has_field)}({operand}, {field})"
            return out.once(f"{field} in {operand} if {is_map} else {looks}", "bool")
        if _may_be_optional(node.operand) and out.kind(operand) is None:
            return out.once(f"{out.bind(values.field)}({operand}, {field})")
        self.expect(operand, "dict")
        return out.once(f"{operand}[{field}]")

    def _call(self, node: Call) -> str:
        call = called(node, self.variables, self.rules.functions)
        match call.name:
            case "_&&_" | "_||_":
                return self._logical(call)
            case "_?_:_":
                return self._conditional(call)
            case "@double":
                return self._coerced(call)
            case "orValue" | "or" if len(call.args) == 2:
                return self._default(call)
            case "@in" if (found := self._among(call)) is not None:
                return found
            case _:
                return self._function(node, call)

    def _function(self, node: Call, call: Called) -> str:
        function: Callable[..., Any] = interpolate
        if call.name != INTERPOLATE:
            if call.function is None:
                return self.give_up()
            function = call.function.call
        operands = [self.operand(arg) for arg in call.args]
        cost = call_cost(call.name, node)
        check = check_of(call, self.rules) if cost is None else None
        measure = costs.measured(call.name) if cost is None else None
        self.cost += cost or 0
        application = Application(self, call.name, function, check, measure)
        write = OPERATORS.get(call.name)
        if write is not None and call.function is FUNCTIONS.get(call.name):
            return write(self, operands, application)
        names = [operand.name for operand in operands]
        return self.out.once(application.full(*names), _result_kind(call))

    def _logical(self, call: Called) -> str:
        out = self.out
        result = out.fresh("t")
        for index, arg in enumerate(call.args):
            if index == 0:
                self._condition(arg, result)
                continue
            with out.block(f"if {result}:" if call.name == "_&&_" else f"if not {result}:"):
                self._condition(arg, result)
        out.learn(result, "bool")
        return result

    def _condition(self, node: Expr, result: str) -> None:
        name = self.value(node)
        self.expect(name, "bool")
        self.out.line(f"{result} = {name}")

    def _conditional(self, call: Called) -> str:
        out = self.out
        condition, one, other = call.args
        test = self.value(condition)
        self.expect(test, "bool")
        result = out.fresh("t")
        kinds = set()
        for head, node in ((f"if {test}:", one), ("else:", other)):
            with out.block(head):
                name = self.value(node)
                out.line(f"{result} = {name}")
                kinds.add(out.kind(name))
        if len(kinds) == 1:
            out.learn(result, kinds.pop())
        return result

    def _coerced(self, call: Called) -> str:
        (arg,) = call.args
        name = self.value(arg)
        if self.out.kind(name) == "float":
            return name
        is_double = f"{self.type}({name}) is {self.python['float']}"
        return self.out.once(f"{name} if {is_double} else {self.out.bind(coerce)}({name})")

    def _default(self, call: Called) -> str:
        """Write `orValue` and `or`."""
        out = self.out
        held = self.value(call.args[0])
        self.cost += 1
        result = out.fresh("t")
        with out.block(f"if {self.type}({held}) is {out.bind(Present)}:"):
            out.line(f"{result} = {held if call.name == 'or' else f'{held}.value'}")
        with out.block(f"elif {held} is {out.bind(NONE)}:"):
            other = self.value(call.args[1])
            if call.name == "or":
                self.give_up_unless(
                    f"{self.type}({other}) is {out.bind(Present)} or {other} is {out.bind(NONE)}"
                )
            out.line(f"{result} = {other}")
        with out.block("else:"):
            out.line(f"return {self.miss}")
        return result

    def _among(self, call: Called) -> str | None:
        """Write `x in ["a", "b"]`, a list of texts, as a lookup; None for anything else."""
        item, container = call.args if len(call.args) == 2 else (None, None)
        if item is None or not isinstance(container, ListOf) or container.optional:
            return None
        texts = [part.value for part in container.items if isinstance(part, Literal)]
        if not 0 < len(container.items) == len(texts) <= _LITERALS_MAX:
            return None
        if any(type(text) is not str for text in texts):
            return None
        name = self.value(item)
        self.cost += costs.LIST + len(texts)
        self.expect(name, "str")
        return self.out.once(f"{name} in {self.out.bind(frozenset(texts))}", "bool")

    def _list(self, node: ListOf) -> str:
        self.cost += costs.LIST
        items = [self.value(item) for item in node.items]
        if not node.optional:
            return self.out.once(f"[{', '.join(items)}]", "list")
        result = self.out.fresh("t")
        self.out.line(f"{result} = []")
        for index, item in enumerate(items):
            if index in node.optional:
                self._if_present(item, f"{result}.append({item}.value)")
            else:
                self.out.line(f"{result}.append({item})")
        self.out.learn(result, "list")
        return result

    def _if_present(self, name: str, line: str) -> None:
        out = self.out
        out.line(f"if {self.type}({name}) is {out.bind(Present)}: {line}")
        out.line(f"elif {name} is not {out.bind(NONE)}: return {self.miss}")

    def _map(self, node: MapOf) -> str:
        out = self.out
        self.cost += costs.MAP
        result = out.fresh("t")
        out.line(f"{result} = {{}}")
        simple = _text_keys(node)
        for index, (key, value) in enumerate(node.entries):
            name, held = self.value(key), self.value(value)
            optional = index in node.optional
            if simple and optional:
                self._if_present(held, f"{result}[{name}] = {held}.value")
            elif simple:
                out.line(f"{result}[{name}] = {held}")
            else:
                adds = out.bind(_put_optional if optional else put)
                out.line(f"{adds}({result}, {name}, {held})")
        out.learn(result, "dict")
        return result


def _put_optional(result: dict[Any, Any], name: Any, value: Any) -> None:
    put(result, name, value, may_lack=True)


def _text_keys(node: MapOf) -> bool:
    """Whether the keys are constant texts, each standing once."""
    keys = [key.value for key, _ in node.entries if isinstance(key, Literal)]
    if len(keys) != len(node.entries) or any(type(key) is not str for key in keys):
        return False
    return len(set(keys)) == len(keys)


def _may_be_optional(node: Expr) -> bool:
    """Whether the value of a node looks like an optional, whose fields are read by a function."""
    match node:
        case Select(optional=True) | Call(function="_[?_]" | "first" | "last" | "optional.of"):
            return True
        case Call(function="of", target=Ident(name="optional")):
            return True
        case Select(operand=operand):
            return _may_be_optional(operand)
        case Call(function="_[_]", args=(operand, _)):
            return _may_be_optional(operand)
        case _:
            return False


def _result_kind(call: Called) -> str | None:
    """Return the kind that a builtin gives; what others declare is not relied on."""
    if call.name == INTERPOLATE:
        return "str"
    if call.function is None or call.function is not FUNCTIONS.get(call.name):
        return None
    overloads = call.function.overloads
    kinds = {kind_of(o.result) for o in overloads if len(o.params) == len(call.args)}
    return kinds.pop() if len(kinds) == 1 and not call.function.variadic else None
