"""The worker of `hello`: one task."""

from typing import TypedDict

from dagnats import task


class Greeting(TypedDict):
    """Who is to be greeted."""

    name: str


@task("hello.greet")
def greet(wanted: Greeting) -> str:
    """Greet somebody by name."""
    return f"Hello, {wanted['name']}!"
