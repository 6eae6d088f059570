"""What a partition holds that must be gone when all its runs have ended."""

from typing import Any


def leftovers(partition: Any, errands: int) -> dict[str, int]:
    """Return what a partition still holds, by name: nothing, when all its runs have ended."""
    return {
        "errands": errands,
        "events to be spread": len(partition.mailbox.unspread),
        "forgotten runs to be removed": len(partition.purging),
        "runs": len(partition.runs),
        "runs set aside": len(partition.aside),
        "waiting tasks": partition.dispatcher.waiting_count,
        "leases": partition.dispatcher.held_count,
        "timers": len(partition.timers),
        "listeners": len(partition.listeners),
        "events to be heard": len(partition.hearing),
        "decisions to go on with": len(partition.going_on),
        "events to be stored": partition.outbox.pending_events,
        **_gates(partition.gates),
    }


def _gates(gates: Any) -> dict[str, int]:
    found = {}
    for name in getattr(type(gates), "__slots__", None) or vars(gates):
        value = getattr(gates, name)
        if isinstance(value, dict | set | list):
            found[f"entries of gates ({name})"] = len(value)
    return found
