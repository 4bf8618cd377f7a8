import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from tests.core.classical.scenes import ball, noise, scan

SHAPE = (24, 30, 20)
INSIDE = ball(SHAPE, (18, 15, 20), 10)


@pytest.fixture
def bright_ball() -> medseg.Volume:
    return scan(np.where(INSIDE, 100, -50) + noise(SHAPE, 15))


def three_classes() -> tuple[np.ndarray, medseg.Volume]:
    truth = np.zeros(SHAPE, int)
    truth[8:] = 1
    truth[16:] = 2
    values = np.array([-800.0, 0.0, 400.0])[truth] + noise(SHAPE, 30)
    return truth, scan(values.astype(np.float32))


def test_otsu_finds_a_bright_ball(bright_ball):
    found = medseg.classical.otsu(bright_ball)

    assert_array_equal(found.mask("foreground"), INSIDE)


def test_multi_otsu_finds_three_classes():
    truth, volume = three_classes()

    found = medseg.classical.otsu(volume, medseg.classical.OtsuSettings(classes=3))

    assert_array_equal(found.array, truth)
    assert found.labels.names == ("class 1", "class 2")


def test_otsu_agrees_with_scikit_image(bright_ball):
    filters = pytest.importorskip("skimage.filters")

    found = medseg.classical.otsu(bright_ball).array
    theirs = bright_ball.array[0] > filters.threshold_otsu(bright_ball.array[0])

    assert np.mean(found != theirs) < 0.001  # of noise between two bins


def test_a_threshold_takes_both_ends():
    values = np.arange(6, dtype=np.int16).reshape(1, 2, 3)
    settings = medseg.classical.ThresholdSettings(lower=2.0, upper=4.0)

    found = medseg.classical.threshold(scan(values), settings)

    assert_array_equal(found.array.ravel(), [0, 0, 1, 1, 1, 0])


def test_a_threshold_may_be_open_at_either_end():
    values = np.arange(6, dtype=np.int16).reshape(1, 2, 3)

    below = medseg.classical.ThresholdSettings(upper=1.0)

    assert medseg.classical.threshold(scan(values), below).array.sum() == 2


def test_hysteresis_agrees_with_scikit_image(bright_ball):
    filters = pytest.importorskip("skimage.filters")
    settings = medseg.classical.HysteresisSettings(weak=60.0, strong=120.0)

    found = medseg.classical.hysteresis(bright_ball, settings)

    theirs = filters.apply_hysteresis_threshold(bright_ball.array[0], 60, 120)
    # scikit-image connects by faces here, we by edges and corners, too
    assert not (theirs & ~found.mask("foreground")).any()
    assert (found.array > theirs).sum() < 0.02 * theirs.sum()


def test_a_weak_island_without_a_strong_voxel_is_left_out():
    values = np.zeros((12, 12, 12), np.float32)
    values[1:4], values[8:11] = 50, 50
    values[2, 5, 5] = 100
    settings = medseg.classical.HysteresisSettings(weak=40.0, strong=90.0)

    found = medseg.classical.hysteresis(scan(values), settings).array

    assert found[1:4].all()
    assert not found[4:].any()


def test_how_a_result_was_made_is_kept(bright_ball):
    settings = medseg.classical.ThresholdSettings(lower=20.0)

    made = medseg.classical.threshold(bright_ball, settings).provenance

    assert made is not None
    assert made.model == "classical threshold"
    assert made.settings == (("lower", "20.0"), ("upper", "None"))
    assert "SimpleITK" in dict(made.versions)


def test_several_channels_are_refused_with_their_names(bright_ball):
    array = np.concatenate([bright_ball.array] * 2)
    several = medseg.Volume(
        array=array, geometry=bright_ball.geometry, channels=("T1", "FLAIR")
    )

    with pytest.raises(medseg.UnusableInput, match=r"CHANNEL_MISMATCH.*T1, FLAIR"):
        medseg.classical.otsu(several)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (medseg.classical.OtsuSettings, "classes", 1),
        (medseg.classical.SmoothSettings, "sigma_mm", 0.0),
        (medseg.classical.LargestSettings, "pieces", 0),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, name, value):
    with pytest.raises(medseg.WrongUse, match="INVALID_OPTION"):
        settings(**{name: value})
