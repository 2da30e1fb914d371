"""The local engine: results in order, the first failure raised, and what has not begun not begun."""

from __future__ import annotations

import threading
import time

import pytest

from oddloop.engine import LocalEngine


@pytest.mark.parametrize("workers", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def late_first(i: int) -> int:
        time.sleep(0.02 / (i + 1))
        return i * i

    assert LocalEngine(workers).map(late_first, range(8)) == [i * i for i in range(8)]


def test_nothing_to_do_gives_nothing() -> None:
    seen: list[tuple[int, int]] = []
    assert LocalEngine().map(abs, [], lambda *counts: seen.append(counts)) == []
    assert seen == []


def test_progress_counts_up_to_all_items_in_the_driver() -> None:
    seen: list[tuple[int, int]] = []
    threads: set[int] = set()

    def on_done(done: int, total: int) -> None:
        seen.append((done, total))
        threads.add(threading.get_ident())

    LocalEngine(2).map(abs, [1, 2, 3], on_done)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert threads == {threading.get_ident()}


def test_work_runs_at_the_same_time() -> None:
    """Two items that wait for each other end only if both have begun."""
    both = threading.Barrier(2, timeout=10)
    assert LocalEngine(2).map(lambda _: both.wait() >= 0, [1, 2]) == [True, True]


def test_the_first_failure_is_raised_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []

    def work(i: int) -> int:
        begun.append(i)
        if i == 1:
            raise ValueError(f"item {i}")
        time.sleep(0.05)
        return i

    with pytest.raises(ValueError, match=r"^item 1$"):
        LocalEngine(1).map(work, range(50))
    assert begun in ([0, 1], [0, 1, 2])


def test_a_failure_to_tell_of_progress_ends_the_work_too() -> None:
    begun: list[int] = []

    def work(i: int) -> int:
        begun.append(i)
        time.sleep(0.02)
        return i

    def on_done(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalEngine(1).map(work, range(50), on_done)
    assert len(begun) < 5
