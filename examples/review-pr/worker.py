"""The worker of `review-pr`: reads a real diff, reviews it rule by rule, writes the review.

`agent.review` stands where a language model would: each iteration it is given the files and what it
left in `loop.state`, applies the next rule and says whether it is done.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NotRequired, TypedDict

from dagnats import NonRetryable, task
from dagnats.worker.context import Context

HERE = Path(__file__).resolve().parent
FIXTURE = HERE / "sample.diff"
GIT_WAIT_S = 20
FILES_MAX = 300
LINE_CHARS_MAX = 100
HUNK = re.compile(r"^@@ -\S+ \+(\d+)")


class Range(TypedDict):
    """What to compare; empty: the last commit of this repository with its parent."""

    repo: NotRequired[str]
    base: NotRequired[str]
    head: NotRequired[str]


class Line(TypedDict):
    """An added line, by its number in the new file."""

    line: int
    text: str


class Changed(TypedDict):
    """The added lines of one file."""

    path: str
    added: list[Line]


class Change(TypedDict):
    """All changed files."""

    title: str
    files: list[Changed]


class Finding(TypedDict):
    """Something to say about a line."""

    path: str
    line: int
    rule: str
    message: str


class Review(TypedDict):
    """What the reviewer knows after an iteration; its next iteration gets it as `state`."""

    done: bool
    next_rule: int
    findings: list[Finding]


class Asked(TypedDict):
    """What one iteration of the reviewer is given."""

    files: list[Changed]
    state: Review | None


class Posted(TypedDict):
    """What the review is written from."""

    title: str
    files: int
    findings: list[Finding]


Rule = Callable[[str, Line], str | None]


@task("git.diff")
def diff(wanted: Range) -> Change:
    """Read the difference between two commits; the shipped sample where there is no history."""
    repo = Path(wanted.get("repo") or HERE).resolve()
    head = wanted.get("head") or "HEAD"
    base = wanted.get("base") or f"{head}~1"
    text = _git(repo, "diff", "--no-color", "--no-ext-diff", "--unified=0", base, head)
    if text is None and any(wanted.get(key) for key in ("repo", "base", "head")):
        raise NonRetryable(f"no difference between `{base}` and `{head}` in `{repo}`")
    if text is None:
        return {"title": "the shipped sample", "files": parse(FIXTURE.read_text("utf-8"))}
    named = _git(repo, "log", "-1", "--format=%h %s", head) or head
    return {"title": named.strip(), "files": parse(text)[:FILES_MAX]}


def _git(repo: Path, *arguments: str) -> str | None:
    """Return what git prints, or None when it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *arguments],
            capture_output=True,
            timeout=GIT_WAIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace")


def parse(text: str) -> list[Changed]:
    """Return the added lines of a unified diff, file by file."""
    files: list[Changed] = []
    number, in_hunk = 0, False
    for line in text.splitlines():
        hunk = HUNK.match(line)
        if line.startswith("diff --git "):
            in_hunk = False
        elif hunk:
            number, in_hunk = int(hunk[1]), True
        elif not in_hunk and line.startswith("+++ b/"):
            files.append({"path": line.removeprefix("+++ b/"), "added": []})
        elif in_hunk and files and line.startswith("+"):
            files[-1]["added"].append({"line": number, "text": line[1:]})
            number += 1
        elif in_hunk and line.startswith(" "):
            number += 1
    return files


def _long(path: str, line: Line) -> str | None:
    wide = len(line["text"]) > LINE_CHARS_MAX and not path.endswith((".md", ".json"))
    return f"{len(line['text'])} characters, at most {LINE_CHARS_MAX} read well" if wide else None


def _blank(_path: str, line: Line) -> str | None:
    return "blanks at the end of the line" if line["text"] != line["text"].rstrip() else None


def _leftover(_path: str, line: Line) -> str | None:
    found = re.search(r"\b(TODO|FIXME|XXX)\b", line["text"])
    return f"`{found[1]}`: finish it or write it down as an issue" if found else None


def _swallowed(path: str, line: Line) -> str | None:
    bare = path.endswith(".py") and re.search(r"^\s*except(\s+Exception)?\s*:", line["text"])
    return "catches everything: name the exceptions that are expected" if bare else None


def _secret(_path: str, line: Line) -> str | None:
    found = re.search(r"(?i)\b(password|secret|api_key|token)\s*=\s*[\"'][^\"']{8,}", line["text"])
    return f"looks like a {found[1].lower()} in the source" if found else None


RULES: tuple[tuple[str, Rule], ...] = (
    ("long-line", _long),
    ("trailing-blank", _blank),
    ("leftover", _leftover),
    ("catch-all", _swallowed),
    ("secret", _secret),
)


@task("agent.review")
def review(asked: Asked, ctx: Context) -> Review:
    """Apply the next rule to all files; done after the last one."""
    before: Review = asked["state"] or {"done": False, "next_rule": 0, "findings": []}
    name, rule = RULES[before["next_rule"]]
    found: list[Finding] = [
        {"path": file["path"], "line": line["line"], "rule": name, "message": message}
        for file in asked["files"]
        for line in file["added"]
        if (message := rule(file["path"], line)) is not None
    ]
    ctx.logger.info("rule %s: %d findings", name, len(found))
    following = before["next_rule"] + 1
    return {
        "done": following == len(RULES),
        "next_rule": following,
        "findings": before["findings"] + found,
    }


@task("review.post")
def post(posted: Posted) -> str:
    """Write the review as Markdown."""
    findings = sorted(posted["findings"], key=lambda found: (found["path"], found["line"]))
    files = f"{posted['files']} file{'' if posted['files'] == 1 else 's'}"
    head = f"# Review of {posted['title']}\n\n{files} changed, "
    if not findings:
        return head + "nothing to complain about.\n"
    rows = [f"- `{f['path']}:{f['line']}` {f['message']} ({f['rule']})" for f in findings]
    return head + f"{len(findings)} findings.\n\n" + "\n".join(rows) + "\n"
