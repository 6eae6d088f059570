"""Files of shared definitions: what is seen of them, and what is told about them."""

import pytest

from dagnats.cli.imported import load
from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.diagnostics.github import render_github
from dagnats.diagnostics.junit import render_junit
from dagnats.diagnostics.render import render_concise, render_full, render_json
from dagnats.diagnostics.sarif import render_sarif
from dagnats.lang import imports
from dagnats.lang.front import check_library, is_library, understand
from dagnats.source.reader import read
from tests.lang.fronts import errors, front, told

STEPS = "steps: [{id: a, task: t.a}]\n"


def importing(*paths, more=""):
    return f"name: n\nimports: [{', '.join(paths)}]\n{more}{STEPS}"


def clean(text, files):
    workflow, findings = front(text, files)
    assert findings == ()
    return workflow


TASKS = "tasks:\n  t.a: {input: {type: string}}\n  t.b: {}\n"


def test_what_an_import_defines_is_known():
    shared = f"""\
{TASKS}events: {{order.paid: {{type: object}}}}
schemas: {{money: {{type: integer}}}}
defaults: {{timeout: 5m, retry: {{max_retries: 3}}}}
"""
    workflow = clean(importing("lib/shared.yaml"), {"lib/shared.yaml": shared})
    assert list(workflow.tasks) == ["t.a", "t.b"]
    assert workflow.tasks["t.a"].input == {"type": "string"}
    assert workflow.events == {"order.paid": {"type": "object"}}
    assert workflow.schemas == {"money": {"type": "integer"}}
    assert (workflow.defaults.timeout, workflow.defaults.retry.max_retries) == (300_000, 3)
    file = workflow.tasks["t.a"].file
    assert (file.name, file.text) == ("lib/shared.yaml", shared)
    assert workflow.defaults.file == file


def test_json_is_imported_as_well():
    workflow = clean(importing("s.json"), {"s.json": '{"tasks": {"t.a": {"idempotent": true}}}'})
    assert workflow.tasks["t.a"].idempotent is True


def test_paths_start_at_the_file_that_imports():
    files = {
        "lib/one.yaml": "imports: [two.yaml, ../other/three.yaml]\n",
        "lib/two.yaml": "tasks: {t.two: {}}\n",
        "other/three.yaml": "tasks: {t.three: {}}\n",
    }
    assert list(clean(importing("lib/one.yaml"), files).tasks) == ["t.two", "t.three"]


def test_own_definitions_win():
    files = {
        "s.yaml": "imports: [u.yaml]\ntasks: {t.a: {input: {type: string}}}\n",
        "u.yaml": "tasks: {t.a: {input: false}, t.b: {}}\n",
    }
    own = "tasks: {t.a: {input: {type: integer}}}\n"
    assert clean(importing("s.yaml", more=own), files).tasks["t.a"].input == {"type": "integer"}
    assert clean(importing("s.yaml"), files).tasks["t.a"].input == {"type": "string"}


def test_defaults_are_put_together_key_by_key():
    files = {"s.yaml": "defaults: {timeout: 5m, queue_timeout: 1h, retry: {strategy: linear}}\n"}
    own = "defaults: {timeout: 1m, retry: {max_retries: 2}}\n"
    defaults = clean(importing("s.yaml", more=own), files).defaults
    assert (defaults.timeout, defaults.queue_timeout) == (60_000, 3_600_000)
    assert (defaults.retry.max_retries, defaults.retry.strategy) == (2, "linear")


def test_a_file_that_is_imported_twice_is_read_once():
    files = {
        "s.yaml": "imports: [u.yaml]\n",
        "r.yaml": "imports: [./u.yaml]\n",
        "u.yaml": "tasks: {t.a: {idempotent: perhaps}}\n",
    }
    _, findings = front(importing("s.yaml", "r.yaml", "u.yaml"), files)
    assert told(findings) == ["u.yaml:1:27 DN2003 `idempotent` must be true or false, not a string"]


def test_the_same_definition_twice_is_no_conflict():
    files = {"s.yaml": TASKS, "u.yaml": TASKS}
    assert list(clean(importing("s.yaml", "u.yaml"), files).tasks) == ["t.a", "t.b"]


CONFLICT = {
    "s.yaml": "tasks: {t.a: {input: true}}\nevents: {e: true}\nschemas: {s: true}\n"
    "defaults: {timeout: 1m}\n",
    "u.yaml": "\ntasks: {t.a: {input: false}}\nevents: {e: false}\nschemas: {s: false}\n"
    "defaults: {timeout: 2m}\n",
}


def test_two_imports_that_differ_are_a_conflict():
    _, findings = front(importing("s.yaml", "u.yaml"), CONFLICT)
    assert told(findings) == [
        "u.yaml:2:9 DN2014 the task `t.a` is imported twice, and differently",
        "u.yaml:3:10 DN2014 the event `e` is imported twice, and differently",
        "u.yaml:4:11 DN2014 the schema `s` is imported twice, and differently",
        "u.yaml:5:12 DN2014 the default `timeout` is imported twice, and differently",
    ]
    labels = [label for finding in findings for label in finding.labels]
    assert [(label.file.name, label.span.start.line) for label in labels] == [
        ("s.yaml", 1), ("s.yaml", 2), ("s.yaml", 3), ("s.yaml", 4),
    ]  # fmt: skip


def test_a_conflict_is_decided_by_the_importing_file():
    own = "tasks: {t.a: {}}\nevents: {e: {}}\nschemas: {s: {}}\ndefaults: {timeout: 3m}\n"
    clean(importing("s.yaml", "u.yaml", more=own), CONFLICT)


def test_a_circle_names_its_files():
    files = {"s.yaml": "imports: [u.yaml]\n", "u.yaml": "imports:\n  - s.yaml\n"}
    _, findings = front(importing("s.yaml"), files)
    assert told(findings) == [
        "u.yaml:2:5 DN2013 the files import each other: `s.yaml` → `u.yaml` → `s.yaml`"
    ]


def test_a_file_that_imports_itself():
    _, findings = front(importing("a.yaml"), {"a.yaml": ""})
    (line,) = told(findings)
    assert line == "2:11 DN2013 the files import each other: `a.yaml` → `a.yaml`"


@pytest.mark.parametrize(
    ("path", "files", "problem"),
    [
        ("s.yaml", {}, "no such file or directory"),
        ("https://example.com/s.yaml", {}, "it is an address, and nothing is ever fetched"),
        ("s.yaml", None, "this document is no file, so there is nothing that paths could start"),
    ],
)
def test_a_file_that_cannot_be_read(path, files, problem):
    _, findings = front(importing(f'"{path}"'), files)
    (line,) = told(findings)
    assert line.startswith(f"2:11 DN2012 cannot import `{path}`: {problem}")


def test_what_is_wrong_in_a_file_is_told_of_that_file():
    broken = "tasks:\n  t.a: {inptu: {}}\n  t.b: {input: {type: strng}}\n"
    _, findings = front(importing("s.yaml"), {"s.yaml": "tasks: [\n"})
    assert {f.file.name for f in findings} == {"s.yaml"}
    _, findings = front(importing("s.yaml"), {"s.yaml": broken})
    assert told(findings) == ["s.yaml:2:9 DN2001 `t.a` has no key `inptu`"]
    _, findings = front(importing("s.yaml"), {"s.yaml": broken.replace("inptu", "input")})
    (line,) = told(findings)
    assert line.startswith("s.yaml:3:23 DN2009 `input` of `t.b` is no JSON Schema: a type is one")
    _, findings = front(importing("s.yaml"), {"s.yaml": "steps: []\n"})
    assert told(findings) == ["s.yaml:1:1 DN2001 the file has no key `steps`"]


def test_there_are_limits(monkeypatch):
    chain = {f"d{n}.yaml": f"imports: [d{n + 1}.yaml]\n" for n in range(40)}
    _, findings = front(importing("d0.yaml"), chain)
    (line,) = told(findings)
    assert line.endswith("`d16.yaml` is left out: files more than 16 levels deep would be imported")
    assert line.startswith("d15.yaml:1:11 DN2015")
    names = [f"f{n}.yaml" for n in range(100)]
    clean(importing(*names), dict.fromkeys(names, "tasks: {}\n"))
    monkeypatch.setattr(imports, "FILES_MAX", 99)
    _, findings = front(importing(*names), dict.fromkeys(names, "tasks: {}\n"))
    assert [f.code for f in findings] == ["DN2015"]
    monkeypatch.setattr(imports, "CHARS_MAX", 15)
    _, findings = front(importing(*names[:2]), dict.fromkeys(names, "tasks: {}\n"))
    assert told(findings) == [
        "2:20 DN2015 `f1.yaml` is left out: more than 15 characters would be imported"
    ]


def test_files_are_found_beside_the_file_that_imports(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "flows").mkdir()
    (tmp_path / "shared" / "tasks.yaml").write_text(TASKS, encoding="utf-8")
    document = tmp_path / "flows" / "a.yaml"
    document.write_text(importing("../shared/tasks.yaml"), encoding="utf-8")
    sink = Sink()
    read_document = read(document.read_text(encoding="utf-8"), str(document), sink)
    workflow = understand(read_document, sink, load=load)
    assert sink.sorted() == ()
    assert list(workflow.tasks) == ["t.a", "t.b"]
    assert workflow.tasks["t.a"].file.name == str(tmp_path / "shared" / "tasks.yaml")


def test_what_cannot_be_loaded_is_said(tmp_path):
    within = str(tmp_path / "a.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff")
    assert load(within, "none.yaml") == "no such file or directory"
    assert load(within, ".") == "it is not a file"
    assert load(within, "bad.yaml").startswith("it is not UTF-8: byte 3 is")
    assert isinstance(load(within, "a\0b"), str)


# Shared schemas


def test_shared_schemas_are_resolved():
    text = """\
name: n
schemas:
  money: {type: integer, minimum: 0}
  item: {type: object, properties: {price: {$ref: '#/schemas/money'}, parts: {items: {$ref: '#'}}}}
input: {type: object, properties: {items: {type: array, items: {$ref: '#/schemas/item'}}}}
steps:
  - {id: a, type: approval, config: {timeout: 1h, form: {$ref: '#/schemas/money'}}}
"""
    workflow, findings = front(text)
    assert findings == ()
    assert workflow.input["properties"]["items"]["items"] == {"$ref": "#/$defs/schemas.item"}
    assert workflow.input["$defs"] == {
        "schemas.item": {
            "type": "object",
            "properties": {
                "price": {"$ref": "#/$defs/schemas.money"},
                "parts": {"items": {"$ref": "#/$defs/schemas.item"}},
            },
        },
        "schemas.money": {"type": "integer", "minimum": 0},
    }
    form = workflow.steps[0].config.form
    assert form["$ref"] == "#/$defs/schemas.money"


def test_schemas_of_an_import_mean_those_of_its_file():
    files = {"s.yaml": "schemas: {money: {type: integer}}\ntasks:\n"
             "  t.a: {output: {$ref: '#/schemas/money'}}\n"}  # fmt: skip
    own = "schemas: {money: {type: string}}\ninput: {$ref: '#/schemas/money'}\n"
    workflow = clean(importing("s.yaml", more=own), files)
    assert workflow.tasks["t.a"].output["$defs"] == {"schemas.money": {"type": "integer"}}
    assert workflow.input["$defs"] == {"schemas.money": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "line", "severity", "help_"),
    [
        ("{$ref: '#/schemas/mony'}", "3:15 DN2016 `#/schemas/mony` leads nowhere", "error",
         "did you mean `#/schemas/money`?"),
        ("{$ref: '#/$defs/x'}", "3:15 DN2016 `#/$defs/x` leads nowhere", "error", "by `#/schemas/"),
        ("{$ref: 'https://e.com/s'}", "3:15 DN2016 `https://e.com/s` leads nowhere", "error",
         "nothing is ever fetched"),
        ("{properties: {a: {items: {$ref: '#/schemas/zzz'}}}}",
         "3:40 DN2016 `#/schemas/zzz` leads nowhere", "error", "there are `#/schemas/money`"),
        ("{type: strng}", "3:15 DN2009 `input` is no JSON Schema: a type is one of", "error", ""),
        ("{properties: {a: {minLength: -1}}}",
         "3:37 DN2009 `input` is no JSON Schema: must be at least 0", "error", ""),
        ("{type: string, minLenght: 1}",
         "3:23 DN2017 `minLenght` is no keyword of JSON Schema", "warning",
         "did you mean `minLength`?"),
        ("{properties: {a: {widget: x}}}", "3:26 DN2017 `widget` is no keyword", "warning",
         "it says nothing"),
        ("{type: integer, default: x}",
         "3:33 DN2018 the default does not fit its own schema: must be an integer", "warning", ""),
        ("{properties: {a: {$ref: '#/schemas/money', examples: [1, x]}}}",
         "3:65 DN2018 the example does not fit its own schema: must be an integer", "warning", ""),
        ("{$defs: {b: {type: string}}, properties: {a: {$ref: '#/$defs/b', default: 1}}}",
         "3:82 DN2018 the default does not fit its own schema: must be a string", "warning", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_schema(schema, line, severity, help_):
    _, findings = front(f"name: n\nschemas: {{money: {{type: integer}}}}\ninput: {schema}\n{STEPS}")
    (finding,) = findings
    assert told(findings)[0].startswith(line)
    assert finding.severity == severity
    assert help_ in (finding.help or "")


@pytest.mark.parametrize(
    "schema",
    ["{x-ui: 1, properties: {minLenght: {}}}", "{enum: [{$ref: nowhere}]}", "{$ref: '#'}",
     "{$defs: {a: {}}, $ref: '#/$defs/a'}", "{type: integer, default: 1, examples: [2]}",
     "{definitions: {a: {}}, nullable: true}", "{$anchor: a, items: {$ref: '#a'}}"],
)  # fmt: skip
def test_what_is_right_with_a_schema(schema):
    assert front(f"name: n\ninput: {schema}\n{STEPS}")[1] == ()


# Files of definitions themselves


def library(text):
    sink = Sink()
    document = read(text, "s.yaml", sink)
    check_library(document, sink)
    return told(sink.sorted())


def test_a_file_of_definitions_is_known_and_checked():
    for text, is_one in ((TASKS, True), ("imports: [a]", True), ("name: n\ntasks: {}", False),
                         ("steps: []", False), ("[]", False), ("dagnats: 1", False)):  # fmt: skip
        assert is_library(read(text, "s.yaml", Sink())) is is_one
    assert library(TASKS) == []
    assert library("tasks: {t.a: {inptu: 1}}") == ["1:15 DN2001 `t.a` has no key `inptu`"]
    (line,) = library("schemas: {a: {$ref: '#/schemas/b'}}")
    assert line == "1:21 DN2016 `#/schemas/b` leads nowhere"


# Every format says which file


def test_all_formats_name_the_file():
    text = importing("s.yaml", "u.yaml")
    workflow, findings = front(text, CONFLICT)
    assert workflow is not None
    assert len(errors(findings)) == 4
    found = {"a.yaml": findings}
    full = render_full(findings, text, "a.yaml", colour=False)
    assert "--> u.yaml:2:9\n" in full
    assert "2 | tasks: {t.a: {input: false}}" in full
    assert "= note: the other one is here: s.yaml:1:9" in full
    assert render_concise(findings, text, "a.yaml").startswith("u.yaml:2:9: error[DN2014]")
    told_json = render_json(found)["diagnostics"][0]
    assert (told_json["file"], told_json["labels"][0]["file"]) == ("u.yaml", "s.yaml")
    result = render_sarif(found, "1.0")["runs"][0]["results"][0]
    places = [*result["locations"], *result["relatedLocations"]]
    uris = [p["physicalLocation"]["artifactLocation"]["uri"] for p in places]
    assert uris == ["u.yaml", "s.yaml"]
    assert "file=u.yaml,line=2" in render_github(found)
    assert 'file="u.yaml" line="2"' in render_junit(found)
    assert all(f.severity is Severity.ERROR for f in findings)
