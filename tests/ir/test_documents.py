"""The page and the schema about the IR say what the code does."""

import json
import os
import re
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from dagnats.ir import codec, expressions, policy_rules, verify
from dagnats.ir import node_forms as nf
from dagnats.ir import policy_forms as pf
from tests.ir.samples import EXAMPLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ir.md"
SCHEMA = json.loads((ROOT / "schemas" / "ir.schema.json").read_text(encoding="utf-8"))
BLOCK = re.compile(r"^```json\n(.*?)^```", re.MULTILINE | re.DOTALL)

FORMS = {
    "taskNode": nf.TaskForm,
    "agentLoopNode": nf.AgentLoopForm,
    "plannerNode": nf.PlannerForm,
    "loopNode": nf.LoopForm,
    "mapNode": nf.MapForm,
    "switchNode": nf.SwitchForm,
    "approvalNode": nf.ApprovalForm,
    "waitForEventNode": nf.WaitForEventForm,
    "sleepNode": nf.SleepForm,
    "subWorkflowNode": nf.SubWorkflowForm,
    "transformNode": nf.TransformForm,
    "emitNode": nf.EmitForm,
    "respondNode": nf.RespondForm,
    "continueAsNewNode": nf.ContinueAsNewForm,
    "failNode": nf.FailForm,
    "case": nf.CaseForm,
    "edge": nf.EdgeForm,
    "body": nf.BodyForm,
    "namedExpression": nf.NamedForm,
    "codeRetry": pf.CodeRetryForm,
    "retry": pf.RetryForm,
    "rateLimit": pf.RateLimitForm,
    "budget": pf.BudgetForm,
    "admission": pf.AdmissionForm,
    "concurrency": pf.ConcurrencyForm,
    "singleton": pf.SingletonForm,
    "priority": pf.PriorityForm,
    "cancelOn": pf.CancelOnForm,
    "trigger": pf.TriggerForm,
    "valueLimits": pf.ValueLimitsForm,
    "certificate": pf.CertificateForm,
    "bound": pf.BoundForm,
    "literalExpression": expressions.LiteralForm,
    "uintExpression": expressions.UintForm,
    "bytesExpression": expressions.BytesForm,
    "identExpression": expressions.IdentForm,
    "selectExpression": expressions.SelectForm,
    "callExpression": expressions.CallForm,
    "listExpression": expressions.ListForm,
    "mapExpression": expressions.MapForm,
    "comprehensionExpression": expressions.ComprehensionForm,
}


def test_the_example_is_what_compiling_prints() -> None:
    page = PAGE.read_text(encoding="utf-8")
    printed = json.dumps(codec.to_document(EXAMPLE), ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("DAGNATS_BLESS"):
        page = BLOCK.sub(lambda _: f"```json\n{printed}```", page)
        PAGE.write_text(page, encoding="utf-8")
    assert BLOCK.findall(page) == [printed], "run `make bless`"


def test_the_example_can_be_loaded() -> None:
    (block,) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert codec.load(block.encode()) == EXAMPLE


def test_every_key_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    forms = [nf.ProgramForm, *FORMS.values()]
    keys = [key for form in forms for key in form.__struct_encode_fields__]
    keys += [form.__struct_config__.tag for form in forms if form.__struct_config__.tag]
    for kind, (must, may) in policy_rules.CONFIGS.items():
        keys += [kind, *must, *may]
    assert [key for key in keys if f"`{key}`" not in page] == []
    words = [
        *verify.OUTCOMES,
        *verify.JOINS,
        *verify.EVERYWHERE,
        *verify.STRATEGIES,
        *verify.ON_EXHAUSTED,
        *verify.MACROS,
    ]
    assert [word for word in words if f"`{word}`" not in page] == []
    assert str(expressions.EXPRESSION_LEVELS_MAX) in page
    assert str(verify.DURATION_MS_MAX) in page


@pytest.mark.parametrize("name", FORMS)
def test_the_schema_has_the_keys_of_the_forms(name: str) -> None:
    form, shown = FORMS[name], SCHEMA["$defs"][name]
    config = form.__struct_config__
    kind = [config.tag_field] if config.tag_field else []
    assert list(shown["properties"]) == [*kind, *form.__struct_encode_fields__]
    needed = {field.encode_name for field in msgspec.structs.fields(form) if field.required}
    assert set(shown.get("required", ())) == needed | set(kind)
    assert shown["additionalProperties"] is False


def test_the_schema_has_the_keys_of_the_program() -> None:
    assert list(SCHEMA["properties"]) == ["digest", *nf.ProgramForm.__struct_encode_fields__]


def test_the_schema_is_one_and_explains_everything() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    stack, silent = [("$", SCHEMA)], []
    while stack:
        path, part = stack.pop()
        if "title" not in part or "description" not in part:
            silent.append(path)
        for group in ("properties", "$defs"):
            stack.extend((f"{path}.{key}", p) for key, p in part.get(group, {}).items())
    assert silent == []


@pytest.mark.parametrize("kind", ["cel", "agent_loop", None])
def test_the_schema_refuses_what_the_reader_refuses(kind: str | None) -> None:
    shown = codec.to_document(EXAMPLE)
    validator = jsonschema_rs.Draft202012Validator(SCHEMA)
    assert validator.is_valid(shown)
    shown["nodes"][0]["kind"] = kind
    assert not validator.is_valid(shown)
