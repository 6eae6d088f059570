"""A power cut: everything stops at once, and of the disk there is what had been written to it.

The data directory is on an ext4 of its own in an image file, mounted through a loop device. At the
cut all processes are frozen and the image is copied as it is: what was only in the page cache of
that ext4 is not in it. The copy is mounted, which replays its journal, and served from.

That is a disk that has all that was submitted to it, and nothing else. A disk that forgets what it
has been told to flush is not tried.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE_BYTES = 512_000_000


class NoDiskError(Exception):
    """This machine, or this user, cannot mount an image."""


def make_image(path: Path) -> None:
    """Make a file system in a file. Raises NoDiskError."""
    with path.open("wb") as image:
        image.truncate(IMAGE_BYTES)
    _run("mkfs.ext4", "-q", "-F", str(path))


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """Mount an image until the end of the block. Raises NoDiskError."""
    at.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(at))
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def photograph(image: Path, copy: Path) -> None:
    """Copy an image as it is now, without asking anybody to write anything first."""
    _run("cp", "--sparse=always", str(image), str(copy))


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        raise NoDiskError(f"needs `{command[0]}`")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDiskError(f"{command[0]}: {done.stderr.strip()}")
