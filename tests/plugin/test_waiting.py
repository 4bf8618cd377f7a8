"""Waiting for work while the window stays alive."""

import threading

import pytest
from qtpy.QtCore import QTimer

import medseg
from napari_medseg.controls.waiting import waited_for

pytestmark = pytest.mark.usefixtures("qapp")


def test_the_window_goes_on_while_work_is_waited_for():
    drawn = threading.Event()
    QTimer.singleShot(0, drawn.set)

    assert waited_for("reading", lambda: drawn.wait(60))


def test_work_is_done_in_another_thread_than_the_windows():
    assert waited_for("reading", threading.get_ident) != threading.get_ident()


def test_what_goes_wrong_is_raised_to_the_one_who_waits():
    def fail():
        raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        waited_for("reading", fail)
