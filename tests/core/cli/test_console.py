"""What is shown of long work where there is no terminal."""

import io
import signal
import time

import pytest

from medseg.cli.console import shown_progress, time_left
from medseg.core.progress import Cancelled, Progress


@pytest.mark.parametrize(
    ("seconds", "steps", "text"),
    [
        (10.0, 10, "40 s left"),
        (60.0, 25, "1 min left"),
        (0.0, 0, "0 s left"),
        (1000.0, 10, "1 h 6 min left"),
        (144_000.0, 10, "160 h 0 min left"),
    ],
)
def test_time_left_follows_from_the_steps_that_were_seen(seconds, steps, text):
    """Steps of an earlier run, before a training was resumed, took no time here."""
    progress = Progress(stage="training", done=60, total=100)
    assert time_left(seconds, steps, progress) == text


def test_lines_between_the_first_and_the_last_of_a_stage_say_what_is_left(capsys):
    with shown_progress() as report:
        for stage in ("reading", "training"):
            for done in range(1, 101):
                report(Progress(stage=stage, done=done, total=100, note="loss 0.5"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * 21
    assert lines[0] == "reading 1/100  loss 0.5"
    assert lines[20] == "reading 100/100  loss 0.5"
    assert lines[21] == "training 1/100  loss 0.5"
    assert all(line.endswith("0 s left") for line in lines[1:20] + lines[22:41])


def test_what_was_waited_for_before_the_first_step_is_not_taken_for_its_speed(
    capsys, monkeypatch
):
    now_s = iter([1000.0, 1004.0, 1008.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now_s))
    with shown_progress() as report:
        for note in ("starts", "waits for workers"):
            report(Progress(stage="cohort", done=0, total=5, note=note))
        for done in (1, 2, 3):
            report(Progress(stage="cohort", done=done, total=5))
    assert capsys.readouterr().err.splitlines() == [
        "cohort 0/5  starts",
        "cohort 0/5  waits for workers",
        "cohort 1/5",
        "cohort 2/5  12 s left",
        "cohort 3/5  8 s left",
    ]


def test_each_scan_of_several_begins_anew(capsys):
    with shown_progress() as report:
        for scan in ("a", "b"):
            for done in range(1, 41):
                report(Progress(stage="segmenting", done=done, total=40, note=scan))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * 21
    assert lines[21] == "segmenting 1/40  b"


class _InterruptedWhileWriting(io.RawIOBase):
    """A standard error during whose first line the user presses Ctrl-C."""

    def __init__(self):
        self.is_first = True

    def writable(self):
        return True

    def write(self, text):
        if self.is_first:
            self.is_first = False
            signal.raise_signal(signal.SIGINT)
        return len(text)


def test_ctrl_c_in_the_middle_of_a_line_of_progress_stops_the_work(monkeypatch):
    stream = io.BufferedWriter(_InterruptedWhileWriting())
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(stream))
    step = Progress(stage="segmenting", done=0, total=9)
    with shown_progress() as progress, pytest.raises(Cancelled):
        progress(step)
