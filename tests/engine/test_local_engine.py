"""The local engine, for what does not hold for all: any number of workers, and nothing at all begun after a failure."""

from __future__ import annotations

import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from oddloop.engine import LocalEngine


@pytest.mark.parametrize("workers", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def late_first(i: int) -> int:
        time.sleep(0.02 / (i + 1))
        return i * i

    assert LocalEngine(workers).map(late_first, range(8)) == [i * i for i in range(8)]


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


def blas_threads(_: object = None) -> set[int]:
    """Of NumPy's own; others that a process may have loaded count their threads per thread."""
    found = (one for one in threadpool_info() if one["user_api"] == "blas")
    return {one["num_threads"] for one in found if "numpy" in one["filepath"]}


def test_a_task_takes_one_thread_of_linear_algebra_and_leaves_the_others_after_it() -> None:
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        if before != {2}:
            pytest.skip("this BLAS takes one thread only")
        assert LocalEngine(2).map(blas_threads, [0, 1]) == [{1}, {1}]
        assert blas_threads() == before
        with pytest.raises(ZeroDivisionError):
            LocalEngine(2).map(lambda n: 1 / n, [0])
        assert blas_threads() == before
