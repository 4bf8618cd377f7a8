from threading import Event

import pytest

import medseg
from napari_medseg.controls.background import Background

pytestmark = pytest.mark.gui


@pytest.fixture
def told():
    return []


@pytest.fixture
def background(told):
    background = Background()
    background.succeeded.connect(told.append)
    background.cancelled.connect(lambda: told.append("cancelled"))
    background.failed.connect(told.append)
    return background


def finished(qtbot, background):
    qtbot.waitUntil(lambda: not background.is_busy, timeout=30_000)


def test_work_gives_its_result(qtbot, background, told):
    background.start("adding", lambda _report: 1 + 1)
    finished(qtbot, background)

    assert told == [2]


def test_work_stops_at_its_next_report(qtbot, background, told):
    stopped = Event()

    def work(report):
        stopped.wait(30)
        report(medseg.Progress(stage="work", done=0, total=1))
        return "too far"

    background.start("working", work)
    background.cancel()
    stopped.set()
    finished(qtbot, background)

    assert told == ["cancelled"]


def test_work_that_was_stopped_and_reports_nothing_has_no_result(
    qtbot, background, told
):
    stopped = Event()
    background.start("working", lambda _report: stopped.wait(30))
    background.cancel()
    stopped.set()
    finished(qtbot, background)

    assert told == ["cancelled"]


def test_work_that_was_stopped_fails_no_more(qtbot, background, told):
    stopped = Event()

    def work(_report):
        stopped.wait(30)
        raise medseg.WrongUse(
            medseg.ErrorCode.INVALID_OPTION, "it is wrong", where="here", remedy="Mend."
        )

    background.start("working", work)
    background.cancel()
    stopped.set()
    finished(qtbot, background)

    assert told == ["cancelled"]
