"""Places on a line: as near as can be to where they want to be, and never too close."""

from collections.abc import Sequence

_Block = tuple[float, float, int]
"""Of neighbours that touch: the sum of what they want, their weight, and how many they are."""


def spaced(
    wanted: Sequence[float],
    gaps: Sequence[int],
    weights: Sequence[float] | None = None,
    limits: tuple[int, int] | None = None,
) -> list[int]:
    """Return places in order, the n-th at least `gaps[n]` behind the one before it.

    They are the least squares: pools of adjacent violators. `gaps[0]` does not count. Within
    `limits` both ends stay inside, if there is room.
    """
    offsets, offset = [], 0
    for number, gap in enumerate(gaps):
        offset += gap if number else 0
        offsets.append(offset)
    blocks: list[_Block] = []
    for number, want in enumerate(wanted):
        weight = 1.0 if weights is None else weights[number]
        blocks.append(((want - offsets[number]) * weight, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            later = blocks.pop()
            earlier = blocks.pop()
            blocks.append((earlier[0] + later[0], earlier[1] + later[1], earlier[2] + later[2]))
    places: list[int] = []
    for sum_, weight, count in blocks:
        at = round(sum_ / weight)
        if limits is not None:
            low, high = limits
            at = max(min(at, high - offset), low)
        places += [at + offsets[len(places) + n] for n in range(count)]
    return places
