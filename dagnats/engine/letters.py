"""Dead letters: runs that failed, and messages that could not be taken in; newest last, bounded."""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from typing import Any

import msgspec

LETTERS_MAX = 10_000
"""Of more, the oldest go; a failed run can still be retried by its id."""

PAYLOAD_BYTES_KEPT_MAX = 16_384
"""Of a message that could not be taken in, so much is kept."""


class Letter(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One dead letter. `reason` is `failed` (a run) or `undecodable` (a message)."""

    id: str
    reason: str
    at: int
    run_id: str = ""
    workflow: str = ""
    error: Any = None
    payload: str = ""
    subject: str = ""


class Letters:
    """The dead letters of a partition, by id."""

    def __init__(self, letters: list[Letter] | None = None) -> None:
        self._letters: OrderedDict[str, Letter] = OrderedDict(
            (one.id, one) for one in letters or ()
        )

    def __len__(self) -> int:
        return len(self._letters)

    def get(self, letter_id: str) -> Letter | None:
        """Return a letter."""
        return self._letters.get(letter_id)

    def add(self, letter: Letter) -> None:
        """Keep a letter; the oldest beyond LETTERS_MAX goes."""
        self._letters[letter.id] = letter
        self._letters.move_to_end(letter.id)
        if len(self._letters) > LETTERS_MAX:
            self._letters.popitem(last=False)

    def remove(self, letter_id: str) -> None:
        """Forget a letter, if it is there."""
        self._letters.pop(letter_id, None)

    def remove_runs(self, run_ids: Collection[str]) -> None:
        """Forget all letters about these runs."""
        for one in [one for one in self._letters.values() if one.run_id in run_ids]:
            del self._letters[one.id]

    def newest_first(self) -> Iterator[Letter]:
        """Yield all."""
        return reversed(self._letters.values())

    def kept(self) -> list[Letter]:
        """Return everything, as the constructor takes it."""
        return list(self._letters.values())
