"""What other languages write and CEL does not, and what to write instead."""

WORDS = {
    "and": "write `&&` for both",
    "or": "write `||` for either",
    "not": "write `!` for not, `!(a in b)` for not in",
    "is": "write `==` to compare",
    "eq": "write `==` to compare",
    "ne": "write `!=` to compare",
    "lt": "write `<` to compare",
    "le": "write `<=` to compare",
    "gt": "write `>` to compare",
    "ge": "write `>=` to compare",
    "if": "write `condition ? one : other`",
    "then": "write `condition ? one : other`",
    "else": "write `condition ? one : other`",
    "elif": "write `condition ? one : other`",
    "unless": "write `condition ? one : other`",
    "when": "write `condition ? one : other`",
    "for": "write `list.map(x, …)` or `list.filter(x, …)`",
    "lambda": "write `list.map(x, …)`: macros name their variable first",
    "function": "write `list.map(x, …)`: macros name their variable first",
    "let": "write `cel.bind(name, value, …)`",
    "var": "write `cel.bind(name, value, …)`",
    "const": "write `cel.bind(name, value, …)`",
    "mod": "write `%` for the remainder",
    "div": "write `/` to divide",
    "xor": "write `!=` between two bools",
    "contains": "write `text.contains(part)`, or `value in list`",
    "matches": "write `text.matches('pattern')`",
    "like": "write `text.matches('pattern')`",
    "instanceof": "write `type(value) == string`",
    "typeof": "write `type(value)`",
    "return": "leave it out: an expression is its value",
}
"""Words that stand where operators do."""

SIGNS = {
    "===": "write `==` to compare",
    "!==": "write `!=` to compare",
    "=": "write `==` to compare",
    ":=": "write `cel.bind(name, value, …)` to name a value",
    "+=": "values never change: write `+`",
    "-=": "values never change: write `-`",
    "&": "write `&&` for both",
    "|": "write `||` for either",
    "|>": "write `value.method()`",
    "<>": "write `!=` to compare",
    "=>": "write `>=` to compare, or `list.map(x, …)` for a function",
    "->": "write `.` before a field, or `list.map(x, …)` for a function",
    "=<": "write `<=` to compare",
    "=~": "write `text.matches('pattern')`",
    "!~": "write `!text.matches('pattern')`",
    "<=>": "write `<`, `==` or `>`",
    "**": "there is no power operator",
    "??": "write `value.?field.orValue(other)` for a default",
    "?:": "write `value.?field.orValue(other)` for a default",
    "?.": "write `.?` before an optional field",
    "::": "write `.` between names",
    "..": "write `lists.range(n)` for numbers from 0",
    "...": "write `one + other` to join lists",
    "<<": "there are no shifts here; `math.bitShiftLeft(a, n)` is one",
    ">>": "there are no shifts here; `math.bitShiftRight(a, n)` is one",
    "^": "write `math.bitXor(a, b)`; `!=` between two bools",
    "~": "write `math.bitNot(a)`",
    "++": "write `+ 1`; `+` joins texts and lists",
}
"""Signs that stand where operators do."""

SIGNS_BY_LENGTH = tuple(sorted(SIGNS, key=lambda sign: -len(sign)))

PREFIXES = {
    "f": "write `'text ' + string(value)`",
    "u": "leave it out: every string is of code points",
    "rb": "write `br` for raw bytes",
    "fr": "write `r` for a raw string, and `+` to join values to it",
    "rf": "write `r` for a raw string, and `+` to join values to it",
}
"""Letters before a string, in small."""

_QUOTE = ("is no quote here", "write `\"` or `'`")
CHARACTERS = {
    **dict.fromkeys("“”„‟‘’‚‛«»‹›", _QUOTE),
    "#": ("begins no comment", "write `//`"),
    ";": ("separates nothing", "write one expression, with `cel.bind` for names"),
    "\\": ("has no meaning outside of a string", "remove it"),
    "@": ("has no meaning in an expression", "leave it out"),
    "≤": ("is no operator", "write `<=`"),
    "≥": ("is no operator", "write `>=`"),
    "≠": ("is no operator", "write `!=`"),
    "∧": ("is no operator", "write `&&`"),
    "∨": ("is no operator", "write `||`"),
    "¬": ("is no operator", "write `!`"),
    "∈": ("is no operator", "write `in`"),
    "×": ("is no operator", "write `*`"),
    "·": ("is no operator", "write `*`"),
    "÷": ("is no operator", "write `/`"),
    "−": ("is no minus", "write `-`"),
    "–": ("is no minus", "write `-`"),
    "—": ("is no minus", "write `-`"),
    "…": ("stands for nothing here", "write it out"),
    "(": ("is no bracket here", "write `(`"),
    ")": ("is no bracket here", "write `)`"),
}
"""Characters that begin no token: what each is not, and what to write."""

_UNITS = {
    "ns": "ns", "us": "us", "ms": "ms", "s": "s", "sec": "s", "m": "m", "min": "m", "h": "h",
}  # fmt: skip


def number(text: str) -> str:
    """Return what to write instead of a number with letters in it."""
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    letters = text[len(digits) :]
    if unit := _UNITS.get(letters.lower()):
        return f"write a duration as `duration('{digits}{unit}')`"
    if letters in {"d", "day", "days"}:
        return f"write a duration as `duration('24h')`, times `{digits}`"
    if "_" in letters and letters.replace("_", "").isdigit():
        return f"write `{text.replace('_', '')}`"
    if text.count(".") > 1:
        return f"put it in quotes, `'{text}'`"
    if text[:2] in {"0x", "0X"}:
        return "hexadecimal numbers are written `0x1f`"
    if text[:2] in {"0o", "0O", "0b", "0B"}:
        return "there are only decimal and hexadecimal numbers"
    return "put an operator between number and name, or quotes around them"
