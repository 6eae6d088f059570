"""How long an editor waits: keystrokes in a workflow of many steps, over stdio.

python -m benchmarks.lsp [STEPS]
"""

import statistics
import sys
import time
from collections.abc import Callable

from tests.lsp.samples import chain
from tests.lsp.session import session

URI = "file:///bench/chain.yaml"
KEYSTROKES = 30


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    text = chain(steps)
    middle = f"steps.s{steps // 2}.output.ok"
    at = text.index(middle) + len(middle) - len("ok")
    line, column = text.count("\n", 0, at), at - text.rfind("\n", 0, at) - 1
    waits: dict[str, list[float]] = {}

    def timed(name: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        waits.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    with session() as client:
        client.open(URI, text)
        for number in range(KEYSTROKES):
            changed = text.replace(middle, f"{middle}{'x' * (number + 1)}", 1)
            timed("keystroke to findings", lambda new=changed: client.next_findings(URI, new))
            timed("… and to the proof", lambda: client.findings(URI))
            timed("hover", lambda: client.at("hover", URI, line, column))
            timed("completion behind a dot", lambda: client.at("completion", URI, line, column))
    for name, found in waits.items():
        low, high = min(found), statistics.quantiles(found, n=10)[-1]
        print(
            f"{name:26} min {low:6.1f}  median {statistics.median(found):6.1f}  p90 {high:6.1f} ms"
        )


if __name__ == "__main__":
    main()
