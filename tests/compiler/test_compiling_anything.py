"""Documents changed at random: refused by findings, or sound programs however they are written."""

import json
import random

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.diagnostics.diagnostic import Severity
from dagnats.ir.codec import digest, encode, load
from dagnats.source.format import format_text
from tests.compiler.mutating import as_yaml, mutated, seeds

EACH = 60


def program_of(text, name):
    found = compile_workflow(text, name)
    has_errors = any(each.severity is Severity.ERROR for each in found.diagnostics)
    assert (found.program is None) == has_errors, text
    return found.program


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_changed_is_refused_or_sound(seed):
    dice = random.Random(seed)
    programs = 0
    for _ in range(EACH):
        value = mutated(dice, seeds())
        text = json.dumps(value, ensure_ascii=False)
        program = program_of(text, "a.json")
        if program is None:
            continue
        programs += 1
        assert load(encode(program)) == program, text
        for name, written in (("a.json", text), ("a.yaml", as_yaml(value))):
            formatted = format_text(written, name).text
            for form in (written, formatted or written):
                again = program_of(form, name)
                assert again is not None, form
                assert digest(again) == digest(program), form
    assert programs


@pytest.mark.slow
def test_there_is_something_to_change():
    compiled = [compile_workflow(json.dumps(each)).program for each in seeds()]
    assert len([program for program in compiled if program is not None]) > 100
