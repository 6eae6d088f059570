"""Compiles many files in one process, one after the other: `python -m tests.fuzz.many FILE…`.

Prints the exit code of each; anything but an exit is left to end the process.
"""

import os
import sys

from dagnats.cli.main import main


def compiled(file: str) -> int:
    sys.argv = ["dagnats", "compile", file, "-o", os.devnull]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


if __name__ == "__main__":
    for each in sys.argv[1:]:
        code = compiled(each)
        print(f"{code} {each}", flush=True)
        if code not in {0, 1, 2}:
            sys.exit(3)
