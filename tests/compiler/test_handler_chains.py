"""Handlers of handlers: what each knows of those before it, in chains of any length and order."""

import pytest

from dagnats.compiler.pipeline import compile_workflow
from tests.compiler.judging import codes, judged


def chain(count, *, is_backwards=False):
    steps = [f"  - {{id: s{n}, task: t, on_failure: s{n + 1}}}\n" for n in range(count - 1)]
    steps.append(f"  - {{id: s{count - 1}, task: t, with: '${{{{ steps.s0.error.code }}}}'}}\n")
    return "name: n\nsteps:\n" + "".join(reversed(steps) if is_backwards else steps)


@pytest.mark.parametrize("is_backwards", [False, True])
@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_last_handler_knows_that_the_first_step_failed(count, is_backwards):
    assert codes(chain(count, is_backwards=is_backwards)) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("steps.a.error.code", []),
        ("steps.b.error.code", []),
        ("steps.before.output", []),
        ("steps.a.output", ["DN5001"]),
        ("steps.c.error.code", ["DN5001"]),
        ("steps.other.error.code", ["DN5001"]),
    ],
)
def test_a_handler_knows_what_those_before_it_knew_and_nothing_of_their_other_handlers(
    asked, found
):
    text = f"""\
name: n
steps:
  - {{id: before, task: t}}
  - {{id: a, task: t, depends_on: [before], on_failure: b, compensate: undo}}
  - {{id: b, task: t, on_failure: d, compensate: c}}
  - {{id: c, task: t}}
  - {{id: d, task: t, with: "${{{{ {asked} }}}}"}}
  - {{id: undo, task: t, with: "${{{{ steps.a.output }}}}"}}
  - {{id: other, task: t}}
"""
    assert [code for code in codes(text) if code == "DN5001"] == found


def test_what_is_known_is_no_longer_than_what_is_asked():
    tables = judged(chain(400))[0].tables
    assert sum(map(len, tables.views.own)) == 1


@pytest.mark.slow
def test_a_chain_of_thousands_of_handlers_compiles():
    assert compile_workflow(chain(3_000)).program is not None
