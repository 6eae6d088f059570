"""A document that is right only by what is registered: it may be linted so, and has no program.

The cases of the switch are all that its task may give, as the registry says; the document alone
does not say so, and a program never depends on what others have registered.
"""

import pytest

from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.compiler.registry import Told
from tests.compiler.test_registry import Registry

WHOLE = "{type: object, required: [sent], additionalProperties: false, properties: {sent: {}}}"
TEXT = f"""\
dagnats: 1
name: n
tasks: {{ship: {{output: {{type: string}}}}, note: {{input: {WHOLE}}}}}
steps:
  - {{id: pay, task: pay}}
  - id: way
    type: switch
    config:
      on: steps.pay.output.kind
      cases:
        - {{values: [card], steps: [{{id: sent, task: ship}}]}}
  - {{id: last, task: note, with: "${{{{ steps.way.output }}}}"}}
"""


def kind_of(*words):
    """Return a registry in which `pay` gives an object with one of these as its `kind`."""
    kind = {"type": "string"} | ({"enum": list(words)} if words else {})
    output = {"type": "object", "required": ["kind"], "properties": {"kind": kind}}
    return Registry(tasks={"pay": Told(None, output)})


def found(compiled):
    return [(f.code, f.span.start.line) for f in compiled.diagnostics]


def test_what_is_right_only_by_the_registry_is_linted_without_a_finding():
    assert found(check_workflow(TEXT, registry=kind_of("card"))) == []
    assert found(check_workflow(TEXT)) == [("DN5003", 12)]


def test_it_has_no_program_and_the_findings_are_those_of_the_document_alone():
    alone = compile_workflow(TEXT)
    compiled = compile_workflow(TEXT, registry=kind_of("card"))
    assert compiled.program is None
    assert compiled.diagnostics == alone.diagnostics
    assert found(compiled) == [("DN5003", 12)]


@pytest.mark.parametrize("registry", [kind_of(), kind_of("card", "cash")])
def test_what_is_wrong_either_way_is_told_once(registry):
    assert found(compile_workflow(TEXT, registry=registry)).count(("DN5003", 12)) == 1


def test_hints_and_warnings_of_the_document_alone_are_left_out():
    text = TEXT.replace("steps.way.output }}", "steps.way.output.sent }}").replace(WHOLE, "true")
    assert [str(f.severity) for f in compile_workflow(text).diagnostics] == ["warning"]
    compiled = compile_workflow(text, registry=kind_of("card"))
    assert compiled.diagnostics == ()
    assert compiled.program == compile_workflow(text).program
