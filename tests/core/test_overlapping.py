"""Reading ahead and writing behind, one item at a time and in order."""

from threading import Event, current_thread, main_thread

import pytest

from medseg import Cancelled, ErrorCode, UnusableInput
from medseg.pipeline import overlapped

SECONDS = 20


def unusable(item) -> UnusableInput:
    return UnusableInput(ErrorCode.NOT_FOUND, f"no {item}", where="here", remedy="?")


def test_outcomes_come_in_order_and_computing_stays_in_the_callers_thread():
    computed_in = []

    def compute(item, value):
        computed_in.append(current_thread())
        return value + item

    outcomes = list(
        overlapped([1, 2, 3], lambda n: 10 * n, compute, lambda n, made: (n, made))
    )
    assert [outcome.written for outcome in outcomes] == [(1, 11), (2, 22), (3, 33)]
    assert set(computed_in) == {main_thread()}


def test_the_next_is_read_and_the_last_written_while_one_is_computed():
    """Each step waits for what must happen beside it; alone it would wait in vain."""
    read = {n: Event() for n in range(4)}
    computing = {n: Event() for n in range(4)}

    def reading(n):
        read[n].set()
        return n

    def compute(n, _):
        computing[n].set()
        return n == 2 or read[n + 1].wait(SECONDS)

    def write(n, is_read):
        return is_read and (n == 2 or computing[n + 1].wait(SECONDS))

    outcomes = list(overlapped([0, 1, 2], reading, compute, write))
    assert all(outcome.written for outcome in outcomes)


def test_no_more_than_one_is_read_ahead():
    read: list[int] = []

    def compute(n, _):
        assert read[-1] <= n + 1
        return n

    list(overlapped(range(6), read.append, compute, lambda n, _: n))
    assert read == list(range(6))


@pytest.mark.parametrize("step", ["read", "compute", "write"])
def test_one_that_fails_does_not_stop_the_others(step):
    def failing(name):
        def work(item, *_):
            if (name, item) == (step, "b"):
                raise unusable(item)
            return item

        return work

    outcomes = list(overlapped("abc", *map(failing, ("read", "compute", "write"))))
    assert [outcome.item for outcome in outcomes] == ["a", "b", "c"]
    assert [outcome.written for outcome in outcomes] == ["a", None, "c"]
    assert outcomes[1].error is not None
    assert outcomes[1].error.what == "no b"


def test_cancelling_ends_it_with_what_was_being_written_whole():
    written: list[int] = []

    def compute(n, _):
        if n == 1:
            raise Cancelled
        return n

    def write(n, _):
        written.append(n)

    with pytest.raises(Cancelled):
        list(overlapped([0, 1, 2], lambda n: n, compute, write))
    assert written == [0]


def test_nothing_to_do_is_done():
    assert not list(overlapped([], str, lambda _, made: made, lambda _, made: made))


def test_what_was_written_is_told_before_an_error_nobody_foresaw():
    def compute(n, _):
        if n == 1:
            raise RuntimeError("broken")
        return n

    outcomes = overlapped(range(3), lambda n: n, compute, lambda _, made: made)
    assert next(outcomes).written == 0
    with pytest.raises(RuntimeError, match="broken"):
        next(outcomes)
