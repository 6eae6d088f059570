"""Writes `dagnats/expr/syntax/_grammar.py`, the LALR(1) tables of `grammar/expression.lark`.

Lark builds the tables here, once, so that no command that reads a workflow pays for importing it.
Run `python -m dagnats.expr.syntax.generate` after changing the grammar.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagnats import resources

TARGET = Path(__file__).with_name("_grammar.py")

_HEADER = '''"""LALR(1) tables of the grammar, made by `python -m dagnats.expr.syntax.generate`.

`STATES[state][symbol]` is a state to go to, or `-1 - rule` to reduce by `RULES[rule]`, which is
(symbol, length, action); no action passes the only child on.
"""

# ruff: noqa: E501, Q000
# fmt: off
'''


def generate() -> str:
    """Return the text of the module for the grammar as it stands."""
    from lark import Lark

    lark = Lark(resources.read_text("grammar", "expression.lark"), parser="lalr", lexer="basic")
    table = lark.parser.parser._parse_table  # noqa: SLF001 (lark has no public way to the tables)
    rules = sorted(lark.rules, key=str)
    numbers = {rule: number for number, rule in enumerate(rules)}
    order = _order(table)
    states = [
        {
            str(symbol): -1 - numbers[target] if action.name == "Reduce" else order[target]
            for symbol, (action, target) in sorted(table.states[state].items())
        }
        for state in order
    ]
    rows = [(str(r.origin.name), len(r.expansion), str(r.alias or "")) for r in rules]
    return _HEADER + "".join(
        f"\n{name} = {_shown(value)}\n"
        for name, value in (
            ("STATES: list[dict[str, int]]", states),
            ("RULES: list[tuple[str, int, str]]", rows),
            ("START", order[table.start_states["start"]]),
            ("END", order[table.end_states["start"]]),
            *_lexicon(lark),
        )
    )


def _order(table: Any) -> dict[int, int]:
    """Give each state the number of when it is first reached: Lark's differ from run to run."""
    order = {table.start_states["start"]: 0}
    for state in (queue := list(order)):
        for _, (action, target) in sorted(table.states[state].items()):
            if action.name != "Reduce" and target not in order:
                order[target] = len(order)
                queue.append(target)
    return order


def _shown(value: object) -> str:
    """Return the value as Python, a list with one item a line."""
    if isinstance(value, list):
        return "[\n" + "".join(f"    {item!r},\n" for item in value) + "]"
    return repr(value)


def _lexicon(lark: Any) -> Iterator[tuple[str, Any]]:
    """Yield the one pattern of all tokens, the words among them, and how each is shown."""
    terminals = sorted(
        lark.terminals,
        key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name),
    )
    fixed = {t.name: t.pattern.value for t in terminals if t.pattern.type == "str"}
    words = {text: name for name, text in sorted(fixed.items()) if text.isalpha()}
    pattern = "|".join(
        f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in terminals if t.name not in words.values()
    )
    yield "TOKENS", pattern
    yield "WORDS", words
    yield "SHOWN", dict(sorted(fixed.items()))


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
