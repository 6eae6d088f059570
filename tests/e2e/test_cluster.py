"""Three NATS nodes, three replicas: the leader of the log is killed under load."""

from pathlib import Path

import pytest

from benchmarks.cluster import measure

RATE = 15.0
BETWEEN_S = 15.0
"""Nodes elect a leader within 4 to 8 s; this machine may be busy."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers"), pytest.mark.timeout(300)]


def test_nothing_acknowledged_is_lost_with_the_leader(tmp_path: Path) -> None:
    load, gaps, problems = measure(tmp_path, RATE, kills=1, between_s=BETWEEN_S)
    print(f"{len(load.accepted)} runs accepted, nothing for {gaps[0]:.1f} s")
    assert not problems, problems[:10]
    assert gaps[0] < BETWEEN_S, "nothing was accepted again"
