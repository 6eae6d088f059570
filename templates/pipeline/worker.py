"""The worker: a function for each task of `workflow.yaml`."""

from typing import TypedDict

from dagnats import Retryable, task
from dagnats.worker.context import Context

STOCK = {"engine": 5, "cards": 40}
DISCOUNT_PERCENT = 5


class Item(TypedDict):
    """A line of an order."""

    name: str
    count: int
    cents: int


class Order(TypedDict):
    """What is ordered."""

    items: list[Item]


class Price(TypedDict):
    """What it costs."""

    cents: int


class Stock(TypedDict):
    """What is not there in the number ordered."""

    missing: list[str]


class Receipt(TypedDict):
    """What the receipt is written from."""

    customer: str
    cents: int
    missing: list[str]


@task("order.price")
def price(order: Order) -> Price:
    """Add the order up."""
    return {"cents": sum(item["count"] * item["cents"] for item in order["items"])}


@task("order.stock")
def stock(order: Order, ctx: Context) -> Stock:
    """Look what is missing. The first attempt fails, to show what a retry looks like."""
    if ctx.attempt == 1:
        raise Retryable("the warehouse does not answer", code="warehouse_busy")
    short = [item["name"] for item in order["items"] if STOCK.get(item["name"], 0) < item["count"]]
    return {"missing": short}


@task("order.discount")
def discount(total: Price) -> int:
    """Return how many cents less a large order costs."""
    return total["cents"] * DISCOUNT_PERCENT // 100


@task("receipt.write")
def receipt(wanted: Receipt) -> str:
    """Write the receipt."""
    text = f"{wanted['customer']} pays {wanted['cents'] / 100:.2f}."
    if wanted["missing"]:
        text += f" To be delivered later: {', '.join(wanted['missing'])}."
    return text
