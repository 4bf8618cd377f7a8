from dataclasses import replace

import numpy as np
import pytest

import medseg
from napari_medseg.segment.work import (
    Countdown,
    SegmentChoice,
    duration,
    estimate_run,
    keeps_centres,
    run_model,
    tells_of_lesions_cheaply,
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


def nothing(_progress):
    """Reports to nobody."""


def test_what_a_model_says_of_single_lesions_is_kept(model_with_a_head):
    """Centres as the model gives them; how sure it is, at lesions only."""
    scan = marker_scan((2, 0, 1), (True, False, True))
    settings = medseg.InferenceSettings(device=CPU, overlap=0.25)
    choice = SegmentChoice(model=str(model_with_a_head), settings=settings)

    made = run_model(scan, choice, nothing)

    wanted = medseg.Wanted(probabilities=True)
    request = medseg.Request(wanted=wanted, centres=True)
    model = medseg.load_model(str(model_with_a_head))
    plain = medseg.predict(scan, model, settings, request=request)
    assert made.centres is not None
    assert plain.centres is not None
    assert plain.probabilities is not None
    assert np.array_equal(made.centres.heat, plain.centres.heat)
    assert made.confidence is not None
    assert made.confidence.values.nbytes == 2 * np.count_nonzero(
        made.segmentation.array == 2
    )
    lesions = medseg.separate_instances(made.segmentation)
    sure = medseg.with_confidence(lesions, plain.probabilities).instances
    means = made.confidence.means(made.segmentation, lesions)
    assert len(means) == len(sure) > 0
    assert means == pytest.approx({each.number: each.confidence for each in sure})


def test_an_estimate_is_of_all_that_a_run_asks_for(model_with_a_head, monkeypatch):
    heard: list[medseg.Request] = []

    def listening(_volume, _model, _settings, _report, request):
        heard.append(request)
        raise medseg.Cancelled

    monkeypatch.setattr(medseg, "predict", listening)
    monkeypatch.setattr(medseg, "estimate", listening)
    scan = marker_scan()
    settings = medseg.InferenceSettings(device=CPU)
    choice = SegmentChoice(model=str(model_with_a_head), settings=settings)
    for work in (run_model, estimate_run):
        with pytest.raises(medseg.Cancelled):
            work(scan, choice, nothing)

    run, estimate = heard
    assert (run.wanted, run.centres) == (estimate.wanted, estimate.centres)
    assert run.wanted.probabilities
    assert run.centres


def test_a_model_that_has_not_learned_it_sees_no_centres(untrained_model):
    settings = medseg.InferenceSettings(device=CPU)
    choice = SegmentChoice(model=str(untrained_model), settings=settings)

    made = run_model(marker_scan(), choice, nothing)

    assert made.centres is None
    assert made.confidence is not None


def test_probabilities_are_asked_for_where_they_tell_of_lesions_and_are_small(
    untrained_model,
):
    """Three outputs at 2 bytes are a GiB at 512 x 512 x 683 voxels and more."""
    plan = medseg.read_model_info(untrained_model).plan

    def are_asked_for(plan, slices):
        grid = medseg.Geometry.from_spacing((512, 512, slices), (1.0, 1.0, 1.0))
        return tells_of_lesions_cheaply(plan, grid)

    organs = medseg.LabelSet.from_names([(1, "liver"), (2, "spleen")])
    assert are_asked_for(plan, 682)
    assert not are_asked_for(plan, 683)
    assert not are_asked_for(replace(plan, labels=organs), 10)


def test_centres_are_kept_up_to_a_gib(untrained_model):
    """8 bytes a voxel of the model's grid, which has half as many as the scan's."""
    head = medseg.InstanceHead(things=("liver tumour",), sigma_mm=2.0)
    plan = medseg.read_model_info(untrained_model).plan
    plan = replace(plan, head=head, spacing_mm=(2.0, 1.0, 0.5))

    def are_kept(plan, slices):
        grid = medseg.Geometry.from_spacing((512, 512, slices), (1.0, 1.0, 0.5))
        return keeps_centres(plan, grid)

    assert are_kept(plan, 1024)
    assert not are_kept(plan, 1025)
    assert not are_kept(replace(plan, head=None), 10)


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
