import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from services.detector.video.prefetch import NAME, ahead


def still_running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_items_come_in_order_and_end():
    with ahead(iter(range(20)), 3) as items:
        assert list(items) == list(range(20))
    assert not still_running()


def test_no_more_are_made_than_requested():
    made: list[int] = []

    def making() -> Iterator[int]:
        for number in count():
            made.append(number)
            yield number

    with ahead(making(), 3) as items:
        assert list(islice(items, 2)) == [0, 1]
        time.sleep(0.3)
        assert len(made) in (5, 6)  # two taken, three waiting, and the one that waits for a place
    assert not still_running()


def test_a_failure_is_raised_in_its_place():
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with ahead(failing(), 3) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="no more"):
            next(items)
