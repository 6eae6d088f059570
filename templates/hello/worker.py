"""The worker: a function for each task of `workflow.yaml`."""

from typing import TypedDict

from dagnats import task


class Greeting(TypedDict):
    """Who is to be greeted."""

    name: str


@task("greeting.write")
def greet(wanted: Greeting) -> str:
    """Greet somebody by name."""
    return f"Hello, {wanted['name']}!"
