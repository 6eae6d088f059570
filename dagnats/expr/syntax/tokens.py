"""The tokens of expressions, as the grammar has them."""

import re

from dagnats.expr.syntax import _grammar as grammar

SKIPPED = frozenset({"WHITESPACE", "COMMENT"})
BLANK = re.compile(r"[ \t\n\r\f]+")

match_token = re.compile(rf"[ \t\n\r\f]*+(?:{grammar.TOKENS})").match
"""Matches the token at a place and the blanks before it; its name is the only group."""
