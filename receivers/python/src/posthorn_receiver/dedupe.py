"""Telling a repeated event from a new one: delivery is at least once, so each may come again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

# No delivery is tried for longer than 7 days after its publish, unless somebody recovers it by hand.
WITHIN_SECONDS = 7 * 24 * 3600


class Dedupe(Protocol):
    """A memory of events' ids. Implement it on your database to have it outlive the process and be shared by several."""

    def seen(self, id: str, within_seconds: float) -> bool:
        """Whether this id was seen within so many seconds. If not, it is remembered in the same step: of two calls at once, one
        alone gets False. `id` is the event's, from the body: both signatures cover it."""

    def forget(self, id: str) -> None:
        """Takes an id back, because the work on it failed and its retry has to count as new."""


@contextmanager
def once(dedupe: Dedupe, id: str, within_seconds: float = WITHIN_SECONDS) -> Iterator[bool]:
    """`with once(dedupe, event.id) as new:` says whether the event is new, and forgets it if what follows raises.

    A copy that comes while the first is still being worked on is not new; and a crash in the middle of the work leaves the id in
    a memory that outlives it. Where that matters, remember the id in the very transaction that does the work (the README shows it).
    """
    if dedupe.seen(id, within_seconds):
        yield False
        return
    try:
        yield True
    except BaseException:
        dedupe.forget(id)
        raise


class MemoryDedupe:
    """Ids in this process's memory: gone when it ends, and unknown to other processes. Threads may share it.

    `max_ids` bounds it (100,000 by default, about 20 MB): beyond that the oldest are forgotten early. `now` is a clock in
    seconds, for tests; by default one that nobody sets.
    """

    def __init__(self, *, max_ids: int = 100_000, now: Callable[[], float] = time.monotonic) -> None:
        if max_ids < 1:
            raise ValueError("max_ids is 1 or more.")
        self._max_ids = max_ids
        self._now = now
        # id -> the instant at which it counts as new again; the oldest first.
        self._until: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def seen(self, id: str, within_seconds: float) -> bool:
        with self._lock:
            now = self._now()
            if self._until.get(id, now) > now:
                return True
            self._until[id] = now + within_seconds
            self._until.move_to_end(id)
            self._drop_old(now)
            return False

    def forget(self, id: str) -> None:
        with self._lock:
            self._until.pop(id, None)

    def _drop_old(self, now: float) -> None:
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now and len(self._until) <= self._max_ids:
                return
            del self._until[oldest]
