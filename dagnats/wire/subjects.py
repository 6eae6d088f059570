"""Every name that crosses NATS: streams, subjects, buckets. Build and parse here, nowhere else."""

LOG_STREAM = "DAGNATS_LOG"
SNAPSHOT_STREAM = "DAGNATS_SNAPSHOTS"
HISTORY_STREAM = "WORKFLOW_HISTORY"
PAYLOAD_STREAM = "DAGNATS_PAYLOADS"
WORKFLOWS_BUCKET = "workflows"
PROGRAMS_BUCKET = "programs"
CHECKPOINTS_BUCKET = "checkpoints"
ENGINES_BUCKET = "engines"

HELLO = "dagnats.workers.hello"
"""Where a worker announces itself; every engine listens, the answer names the partition."""

API = "dagnats.api"
HISTORY_ALL = "history.>"
HISTORY_MARKS = "history_mark.*"
PAYLOADS_ALL = "payload.>"


def log(partition: int) -> str:
    """Return the subject of a partition's log."""
    return f"log.{partition}"


def snapshot_all(partition: int) -> str:
    """Return the subjects of all snapshots of a partition."""
    return f"snapshot.{partition}.>"


def snapshot_run(partition: int, run_id: str, part: int) -> str:
    """Return the subject that holds a part of the newest snapshots of a run."""
    return f"snapshot.{partition}.run.{run_id}.{part}"


def snapshot_closed(partition: int, slot: int) -> str:
    """Return the subject that holds a chunk of summaries of ended runs."""
    return f"snapshot.{partition}.closed.{slot}"


def parse_snapshot(subject: str) -> tuple[str, str]:
    """Return what a snapshot is of (`run`, `closed`, `mark`, `owner`), and of which run or slot."""
    words = subject.split(".")
    return words[2], words[3] if len(words) > len(("snapshot", "0", "mark")) else ""


def snapshot_part(subject: str) -> int:
    """Return the number of the part that the subject of a run's snapshot holds."""
    return int(subject.rpartition(".")[2])


def snapshot_mark(partition: int) -> str:
    """Return the subject that says up to where the snapshots of a partition reach."""
    return f"snapshot.{partition}.mark"


def snapshot_owner(partition: int) -> str:
    """Return the subject that says which owner of a partition may save snapshots."""
    return f"snapshot.{partition}.owner"


def history(run_id: str) -> str:
    """Return the subject on which every event of a run is published."""
    return f"history.{run_id}"


def payload(run_id: str, sha256: str, part: int) -> str:
    """Return the subject that holds a part of a large value of a run."""
    return f"payload.{run_id}.{sha256}.{part}"


def payloads_of(run_id: str) -> str:
    """Return the subjects of all large values of a run."""
    return f"payload.{run_id}.>"


def stream(run_id: str, step: str) -> str:
    """Return the subject on which a step tells of its work as it goes on; nothing keeps that."""
    return f"stream.{run_id}.{step}"


def history_mark(partition: int) -> str:
    """Return the subject that says how far a partition has published its history."""
    return f"history_mark.{partition}"


def engine(partition: int, op: str) -> str:
    """Return the subject on which a partition is talked to.

    By workers: `results`, `beat`, `bye`, `checkpoint`. By other partitions: `child.start`,
    `child.ended`, `child.stop`, `event`.
    """
    return f"dagnats.engine.{partition}.{op}"


def response(run_id: str) -> str:
    """Return the subject on which a run answers the HTTP request that started it."""
    return f"dagnats.response.{run_id}"


def approval(run_id: str) -> str:
    """Return the subject on which people, or programs for them, hear of approvals of a run."""
    return f"dagnats.approval.{run_id}"


def worker(worker_id: str) -> str:
    """Return the subject on which a worker hears of tasks, acknowledgements and cancellations."""
    return f"dagnats.worker.{worker_id}"


def api(operation: str) -> str:
    """Return the subject of a client operation such as `run.start`."""
    return f"{API}.{operation}"
