"""Findings about defaults that are imported name the file in which they stand."""

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.lang.imports import held

STEPS = "steps:\n  - {id: a, task: t}\n  - {id: b, task: t}\n"


def found(defaults: str, own: str = "", steps: str = STEPS) -> list[str]:
    text = f"name: n\nimports: [lib.yaml]\n{own}{steps}"
    load = held({"lib.yaml": f"# Shared.\ndefaults: {{{defaults}}}\n"})
    findings = compile_workflow(text, "w.yaml", load=load).diagnostics
    return [
        f"{f.file.name if f.file else 'w.yaml'}:{f.span.start.line}:{f.span.start.column} {f.code}"
        for f in findings
    ]


@pytest.mark.parametrize(
    ("defaults", "own", "finding"),
    [
        ("worker_group: gpu", "sticky: soft\n", "lib.yaml:2:12 DN2019"),
        ("timeout: 2h", "timeout: 1h\n", "lib.yaml:2:21 DN7003"),
        ("heartbeat_timeout: 6m", "", "lib.yaml:2:31 DN7002"),
        ("retry: {max_retries: 3, strategy: fixed, initial_delay: 1h}", "timeout: 2h\n",
         "lib.yaml:2:19 DN7004"),
        ("worker_group: gpu", "sticky: soft\ndefaults: {timeout: 1m}\n", "w.yaml:4:11 DN2019"),
        ("timeout: 1m", "timeout: 1h\ndefaults: {timeout: 2h}\n", "w.yaml:4:21 DN7003"),
    ],
)  # fmt: skip
def test_the_file_of_the_defaults_is_named(defaults, own, finding):
    assert found(defaults, own) == [finding]


def test_a_label_shows_where_imported_defaults_stand():
    steps = """\
steps:
  - {id: a, type: agent_loop, task: t, config: {max_iterations: 2, max_duration: 1m}}
"""
    load = held({"lib.yaml": "defaults: {timeout: 2m}\n"})
    compiled = compile_workflow(f"name: n\nimports: [lib.yaml]\n{steps}", "w.yaml", load=load)
    (finding,) = compiled.diagnostics
    assert (finding.code, finding.file) == ("DN7006", None)
    (label,) = finding.labels
    assert label.file is not None
    assert (label.file.name, label.span.start.column) == ("lib.yaml", 21)
