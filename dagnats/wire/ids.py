"""Ids that are made up: of time and chance."""

import secrets
import time

from dagnats.runid import CHANCE_BITS, run_id


def new_run_id() -> str:
    """Return a run id that nobody else has."""
    return run_id(int(time.time() * 1000), secrets.randbits(CHANCE_BITS))
