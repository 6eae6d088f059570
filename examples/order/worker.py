"""The worker of `order`: a shop with a shelf for each letter, and a card that is declined."""

from typing import Any

from dagnats import NonRetryable, task

STOPS = ["depot", "train", "van", "door"]


@task("order.price")
def price(order: dict[str, Any]) -> dict[str, int]:
    """Add up what is ordered."""
    return {"cents": sum(item["count"] * item["cents"] for item in order["items"])}


@task("order.reserve")
def reserve(item: dict[str, Any]) -> dict[str, str]:
    """Put an item aside."""
    return {"shelf": f"{item['name'][0].upper()}{item['count']}"}


@task("order.release")
def release(undo: dict[str, Any]) -> int:
    """Put everything back; called only when the order fails later."""
    return len(undo["original_output"])


@task("order.charge")
def charge(payment: dict[str, Any]) -> dict[str, str]:
    """Take the money from a card: no attempt would help."""
    raise NonRetryable(f"the card for {payment['cents']} cents was declined", code="declined")


@task("order.invoice")
def invoice(payment: dict[str, Any]) -> dict[str, str]:
    """Write an invoice instead."""
    return {"way": f"invoice, as {payment['reason']}"}


@task("order.refund")
def refund(undo: dict[str, Any]) -> str:
    """Give the money back; called only when the order fails later."""
    return f"refunded {undo['original_output']['way']}"


@task("order.track")
def track(parcel: dict[str, Any]) -> dict[str, Any]:
    """Say where the parcel is: one stop further each time."""
    stop = min(parcel["stop"], len(STOPS) - 1)
    return {"arrived": STOPS[stop] == "door", "stop": STOPS[stop]}


@task("order.note")
def note(order: dict[str, Any]) -> str:
    """Keep a note of the order, however it went."""
    return f"{order['order']} {'has arrived' if order['arrived'] else 'has not arrived'}"
