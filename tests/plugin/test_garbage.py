"""Where Python's garbage is collected while work runs in another thread."""

import gc
import threading

import pytest

import medseg
from napari_medseg.controls.background import Background
from napari_medseg.controls.waiting import waited_for

pytestmark = pytest.mark.usefixtures("qapp")


class Cycle:
    """Garbage that only the collector finds; it notes the thread it dies in."""

    def __init__(self, threads):
        self.threads = threads
        self.itself = self

    def __del__(self):
        self.threads.add(threading.get_ident())


def make_garbage(threads):
    """More than the collector lets lie about."""
    for _ in range(20 * gc.get_threshold()[0]):
        Cycle(threads)


def test_work_that_is_waited_for_collects_nothing_in_its_own_thread(qtbot):
    threads: set[int] = set()

    waited_for("reading", lambda: make_garbage(threads))
    qtbot.waitUntil(gc.isenabled)

    assert threads == {threading.get_ident()}


def test_work_in_the_background_collects_nothing_in_its_own_thread(qtbot):
    threads: set[int] = set()
    background = Background()
    with qtbot.waitSignal(background.finished, timeout=60_000):
        background.start("making garbage", lambda _report: make_garbage(threads))
    qtbot.waitUntil(gc.isenabled)

    assert threads == {threading.get_ident()}


def test_work_that_fails_leaves_the_collector_as_it_was(qtbot):
    def fail():
        raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        waited_for("reading", fail)

    qtbot.waitUntil(gc.isenabled)
