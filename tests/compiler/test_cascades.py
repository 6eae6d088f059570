"""What only follows from a mistake is not said beside it."""

from dagnats.compiler.pipeline import check_workflow

STEPS = "steps: [{id: a, task: t}]\n"


def test_references_into_schemas_that_cannot_be_read_are_not_reported() -> None:
    text = f'dagnats: 1\nname: n\nschemas: SCHEMAS\ninput: {{$ref: "#/schemas/one"}}\n{STEPS}'
    null, none = (text.replace("SCHEMAS", each) for each in ("null", "{}"))
    assert [found.code for found in check_workflow(null).diagnostics] == ["DN2003"]
    assert "DN2016" in {found.code for found in check_workflow(none).diagnostics}
