"""What a registry knows: programs of workflows and contracts of tasks, beside those of a document.

A contract of the document itself, or of a file that it imports, goes before that of the registry.
What a registry knows can refuse a document, and never changes the program that becomes of it: the
same text has the same digest, whatever else is registered.
"""

from collections.abc import Collection
from typing import Any, Protocol

from msgspec import Struct, structs

from dagnats.diagnostics.diagnostic import NOWHERE
from dagnats.ir.program import Program
from dagnats.lang import tree
from dagnats.lang.walk import all_steps


class Told(Struct, frozen=True):
    """The contract of a task: JSON Schemas of what it takes and gives; None where nothing is."""

    input: Any = None
    output: Any = None


class Registry(Protocol):
    """What is registered. May be asked for the same more than once, and answers the same."""

    def workflow(self, name: str) -> Program | None:
        """Return the program that is registered under a name, None where there is none."""

    def task(self, name: str, asker: str) -> Told | None:
        """Return the contract of a task, None where nobody has told one.

        What an earlier version of the workflow `asker` said does not count.
        """

    def emitted(self, asker: str) -> Collection[str]:
        """Return the types of the events that registered workflows other than `asker` emit."""


def informed(workflow: tree.Workflow, registry: Registry) -> tree.Workflow:
    """Return a workflow with the contracts of the tasks that it does and has none of itself."""
    tasks = dict(workflow.tasks)
    for step in all_steps(workflow):
        if step.task is not None and step.task not in tasks:
            told = registry.task(step.task, workflow.name)
            if told is not None:
                tasks[step.task] = tree.Contract(
                    span=NOWHERE, keys={}, input=told.input, output=told.output
                )
    return structs.replace(workflow, tasks=tasks) if len(tasks) > len(workflow.tasks) else workflow


def is_told(contract: tree.Contract) -> bool:
    """Whether a contract is one of a registry, so that it stands in no file."""
    return contract.span == NOWHERE and not contract.keys
