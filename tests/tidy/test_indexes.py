"""What the README and docs/operations.md list is whole: pages, commands, a sentence on each."""

import re

from tests.cli.test_commands import ALL
from tests.tidy.test_documents import LINK, ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `dagnats ([a-z -]+)` \| (.+) \|$", re.MULTILINE)
VISIBLE = {" ".join(path) for path, command in ALL if not command.hidden}


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_command_has_a_sentence_in_operations() -> None:
    rows = ROW.findall(section(OPERATIONS, "Commands"))
    assert sorted(name for name, _ in rows) == sorted(VISIBLE)
    for _, sentence in rows:
        assert re.fullmatch(r"[A-Z].*[a-z)]\.", sentence)


def test_every_command_is_listed_in_the_readme() -> None:
    words = set(re.findall(r"`([a-z -]+)`", section(README, "Commands")))
    listed = {word for name in words for word in name.split()}
    assert listed == {word for name in VISIBLE for word in name.split()}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall(section(README, "Where to go next")))
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").iterdir()}
    assert pages <= {path if not path.endswith("/") else path[:-1] for path in linked}
