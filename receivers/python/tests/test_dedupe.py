from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from posthorn_receiver import MemoryDedupe, once


def test_an_id_is_new_once_until_its_time_is_over() -> None:
    clock = [0.0]
    dedupe = MemoryDedupe(now=lambda: clock[0])
    assert [dedupe.seen("evt_1", 60), dedupe.seen("evt_1", 60), dedupe.seen("evt_2", 60)] == [False, True, False]
    clock[0] = 59
    assert dedupe.seen("evt_1", 60)
    clock[0] = 60
    assert [dedupe.seen("evt_1", 60), dedupe.seen("evt_1", 60)] == [False, True]


def test_beyond_its_size_the_oldest_goes_first() -> None:
    dedupe = MemoryDedupe(max_ids=2)
    assert [dedupe.seen(id, 60) for id in "abc"] == [False, False, False]
    assert [dedupe.seen(id, 60) for id in "bca"] == [True, True, False]


class MeetingId(str):
    """Holds a thread where the id is looked up until the other is there too, which a lock does not allow."""

    both_are_there = Barrier(2, timeout=0.2)

    def __hash__(self) -> int:
        with suppress(BrokenBarrierError):
            self.both_are_there.wait()
        return super().__hash__()


def test_of_two_threads_at_once_one_alone_has_the_new_event() -> None:
    dedupe = MemoryDedupe()
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: dedupe.seen(MeetingId("evt_1"), 60), range(2)))
    assert sorted(answers) == [False, True]


def test_once_forgets_what_failed() -> None:
    dedupe = MemoryDedupe()
    with pytest.raises(OSError, match="the database is away"), once(dedupe, "evt_1") as new:
        assert new
        raise OSError("the database is away")
    for expected in (True, False):
        with once(dedupe, "evt_1") as new:
            assert new is expected


def test_a_repeated_event_that_fails_stays_known() -> None:
    dedupe = MemoryDedupe()
    dedupe.seen("evt_1", 60)
    with pytest.raises(OSError, match="away"), once(dedupe, "evt_1"):
        raise OSError("away")
    assert dedupe.seen("evt_1", 60)


def test_a_size_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="max_ids"):
        MemoryDedupe(max_ids=0)
