"""Documents for the tests of the language server; `|` marks a cursor."""

HEAD = """\
dagnats: 1
name: demo
input:
  type: object
  properties:
    order:
      type: object
      properties: {id: {type: string}, total: {type: number}, note: {type: string}}
      required: [id, total]
    items:
      type: array
      maxItems: 10
      items:
        type: object
        properties: {price: {type: number}, name: {type: string}}
        required: [price, name]
  required: [order, items]
tasks:
  shop.price:
    description: What it costs.
    output:
      type: object
      properties: {ok: {type: boolean}, kind: {enum: [low, high]}, some-name: {type: string}}
      required: [ok, kind, some-name]
events:
  order.paid: {type: object, properties: {by: {type: string}}, required: [by]}
vars:
  limit: "${{ input.order.total + 1.0 }}"
steps:
  - id: first
    task: shop.price
    with: {a: 1}
"""
TAIL = """\
  - id: fan
    type: map
    config:
      over: input.items
      max_items: 10
      steps:
        - id: inner
          task: shop.price
          with: {a: 2}
  - id: last
    task: shop.price
    with: {a: 3}
"""


def with_step(*lines: str) -> str:
    """Return a document with a step `second` that has these lines."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"{HEAD}  - id: second\n{body}\n{TAIL}"


def cursor(text: str) -> tuple[str, int]:
    """Return a text without its mark, and where that was."""
    at = text.index("|")
    return text[:at] + text[at + 1 :], at


def chain(count: int) -> str:
    """Return a document of so many steps, each of which reads from two before it."""
    lines = [
        "dagnats: 1",
        "name: chain",
        "input: {type: object, properties: {n: {type: integer}}, required: [n]}",
        "tasks:",
        "  work:",
        "    output:",
        "      type: object",
        "      properties: {ok: {type: boolean}, kind: {enum: [low, high]}}",
        "      required: [ok, kind]",
        "steps:",
    ]
    for number in range(count):
        lines += [f"  - id: s{number}", "    task: work", "    with:", f"      n: {number}"]
        lines.append("      of: ${{ input.n }}")
        if number > 1:
            lines.append(f"      kind: ${{{{ steps.s{number - 1}.output.kind }}}}")
            before = f"steps.s{number - 2}.output"
            lines.append(f"    when: {before}.ok && {before}.kind == 'low'")
    return "\n".join(lines) + "\n"
