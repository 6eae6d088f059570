"""Patterns in linear time."""
import re
def search(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
