from dataclasses import replace

import numpy as np
import pytest

import medseg
from medseg import Device, InferenceSettings, Precision
from tests.core.test_predictions import model_of, region_of, scan_of

EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)


def windows_run(scan, model, settings=EXACT, region=None):
    steps: list[medseg.Progress] = []
    medseg.segment(scan, model, settings, steps.append, region)
    return sum(step.stage == "segmenting" for step in steps)


def test_as_many_windows_are_counted_as_are_run():
    scan, model = scan_of(), model_of()

    made = medseg.estimate(scan, model, EXACT)

    assert made.windows == windows_run(scan, model)
    assert made.seconds > 0
    assert (made.device, made.precision) == ("cpu", "float32")


def test_a_region_leaves_out_the_same_windows():
    scan, model = scan_of(), model_of()
    settings = replace(EXACT, margin_mm=0.0)
    region = region_of(scan)

    made = medseg.estimate(scan, model, settings, region=region)

    assert made.windows == windows_run(scan, model, settings, region)
    assert made.windows < medseg.estimate(scan, model, settings).windows


def test_a_region_that_is_empty_leaves_nothing_to_run():
    scan, model = scan_of(), model_of()
    region = region_of(scan)
    nothing = replace(region, array=np.zeros_like(region.array))

    made = medseg.estimate(scan, model, replace(EXACT, margin_mm=0.0), region=nothing)

    assert made.windows == 0


def test_memory_holds_at_least_the_scan_and_the_sums_over_windows():
    scan, model = scan_of(), model_of()

    made = medseg.estimate(scan, model, EXACT)

    if made.memory_bytes is None:
        pytest.skip("this system does not say how much memory a process holds")
    outputs = len(model.info.plan.output_names)
    assert made.memory_bytes >= 4 * scan.array.size
    assert made.memory_bytes < 4 * scan.array.size * (1 + outputs) + 2**28


@pytest.mark.parametrize(
    ("memory_bytes", "free_bytes", "is_too_large"),
    [(10, 20, False), (20, 10, True), (None, 10, False), (20, None, False)],
)
def test_what_takes_more_than_there_is_is_too_large(
    memory_bytes, free_bytes, is_too_large
):
    made = medseg.Estimate(
        device=Device("cpu"),
        precision=Precision.FLOAT32,
        windows=1,
        seconds=1.0,
        memory_bytes=memory_bytes,
        free_bytes=free_bytes,
    )

    assert made.is_too_large is is_too_large


def test_it_can_be_cancelled():
    def stop(_progress):
        raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        medseg.estimate(scan_of(), model_of(), EXACT, stop)


def test_another_modality_is_refused():
    values = np.zeros((8, 8, 8), np.float32)
    scan = medseg.Volume(
        array=values[None],
        geometry=medseg.Geometry.from_spacing((8, 8, 8), (1.0, 1.0, 1.0)),
        channels=("CT",),
    )

    with pytest.raises(medseg.UnusableInput, match="CHANNEL_MISMATCH"):
        medseg.estimate(scan, model_of(), EXACT)
