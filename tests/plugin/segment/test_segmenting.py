import numpy as np
import pytest

import medseg
from napari_medseg.segment.work import (
    Countdown,
    SegmentChoice,
    duration,
    run_model,
    where_it_runs,
)
from tests.plugin.scans import marker_scan

CPU = medseg.Device("cpu")


def test_a_model_runs_over_a_scan_and_reports_every_window(untrained_model):
    steps: list[medseg.Progress] = []
    scan = marker_scan((2, 0, 1), (True, False, False))
    choice = SegmentChoice(
        model=str(untrained_model), settings=medseg.InferenceSettings(device=CPU)
    )

    made = run_model(scan, choice, steps.append)

    assert made.segmentation.array.shape == scan.geometry.shape
    assert np.array_equal(made.segmentation.geometry.affine, scan.geometry.affine)
    windows = [step for step in steps if step.stage == "segmenting"]
    assert [step.done for step in windows] == list(range(1, windows[0].total + 1))
    assert made.where.startswith("on the CPU, ")
    assert made.where.endswith("float32") or made.where.endswith("bfloat16")


def test_work_stops_at_the_window_that_is_told_to():
    def stop(_progress):
        raise medseg.Cancelled

    choice = SegmentChoice(model="any", settings=medseg.InferenceSettings(device=CPU))

    with pytest.raises(medseg.Cancelled):
        run_model(marker_scan(), choice, stop)


@pytest.mark.parametrize(
    ("wanted", "available", "words"),
    [
        ("auto", ("cpu",), "on the CPU (no GPU was found)"),
        ("auto", ("cuda:0", "cuda:1", "cpu"), "on cuda:0"),
        ("cpu", ("cuda:0", "cpu"), "on the CPU"),
        ("cuda:1", ("cuda:0", "cuda:1", "cpu"), "on cuda:1"),
    ],
)
def test_it_is_said_where_the_work_runs(wanted, available, words):
    devices = tuple(medseg.Device(name) for name in available)

    assert where_it_runs(medseg.Device(wanted), devices) == words


def test_the_time_left_is_judged_by_the_share_done_of_each_stage():
    countdown = Countdown(clock=0.0)

    def left(stage, done, clock):
        step = medseg.Progress(stage=stage, done=done, total=4)
        return countdown.seconds_left(step, clock)

    assert left("loading", 0, 5.0) is None
    assert left("segmenting", 0, 10.0) is None
    assert left("segmenting", 1, 12.0) == pytest.approx(6.0)
    assert left("segmenting", 3, 16.0) == pytest.approx(2.0)
    assert left("segmenting", 4, 18.0) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (42.4, "42 s"), (200, "3 min"), (7000, "1.9 h")],
)
def test_durations_are_as_exact_as_one_wants_to_know(seconds, words):
    assert duration(seconds) == words
