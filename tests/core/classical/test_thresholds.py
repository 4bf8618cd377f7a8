import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

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


@hypothesis_settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 4))
def test_no_thresholds_of_scikit_image_part_classes_better(seed, classes):
    filters = pytest.importorskip("skimage.filters")
    rng = np.random.default_rng(seed)
    means = rng.uniform(-500, 500, classes)[rng.integers(classes, size=(12, 13, 14))]
    values = (means + rng.normal(0, rng.uniform(5, 150), means.shape)).astype(
        np.float32
    )

    ours = medseg.classical.otsu(
        scan(values), medseg.classical.OtsuSettings(classes=classes)
    ).array
    bins = 256 if classes < 4 else 64
    cuts = filters.threshold_multiotsu(values, classes, nbins=bins)

    assert within(values, ours) <= 1.001 * within(values, np.digitize(values, cuts))


def within(values: np.ndarray, classes: np.ndarray) -> float:
    """Sum of squares about the means of the classes."""
    parts = [values[classes == number].astype(float) for number in np.unique(classes)]
    return float(sum(((part - part.mean()) ** 2).sum() for part in parts))


def test_eight_classes_are_found_as_exactly_as_two():
    steps = np.repeat(np.arange(8), 4 * 25).reshape(32, 5, 5)
    volume = scan((100 * steps + noise(steps.shape, 3)).astype(np.float32))

    found = medseg.classical.otsu(volume, medseg.classical.OtsuSettings(classes=8))

    assert_array_equal(found.array, steps)


@pytest.mark.parametrize("padding", [-2000, -3024])
def test_what_surrounds_the_field_of_view_of_a_ct_is_air(padding):
    rng = np.random.default_rng(0)
    i, j, _ = np.indices((40, 40, 6))
    radius = np.hypot(i - 20, j - 20)
    body = radius < 12
    values = np.where(body, 40, -1000) + rng.normal(0, 20, body.shape)
    values[radius > 19] = padding

    found = medseg.classical.otsu(scan(values.astype(np.int16))).mask("foreground")
    edges = medseg.classical.gradient_edges(scan(values.astype(np.int16)))

    assert_array_equal(found, body)
    assert not edges.array[radius > 17].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize(
    "method",
    [
        medseg.classical.otsu,
        medseg.classical.hysteresis,
        medseg.classical.watershed,
        medseg.classical.canny,
        medseg.classical.gradient_edges,
        medseg.classical.kmeans,
        medseg.classical.gaussian_mixture,
        medseg.classical.supervoxels,
        medseg.classical.body_mask,
        medseg.classical.lung_mask,
    ],
)
def test_values_that_are_no_intensities_are_refused(method, value):
    values = noise((8, 8, 8), 10)
    values[3, 4, 5] = value

    with pytest.raises(medseg.UnusableInput, match="NOT_FINITE"):
        method(scan(values))


def test_a_threshold_without_an_end_or_the_wrong_way_round_is_refused(bright_ball):
    wrong = medseg.classical.ThresholdSettings(lower=9.0, upper=-9.0)

    with pytest.raises(medseg.WrongUse, match="everything is found"):
        medseg.classical.threshold(bright_ball)
    with pytest.raises(medseg.WrongUse, match="lower 9 is above upper -9"):
        medseg.classical.threshold(bright_ball, wrong)


@pytest.mark.parametrize(
    ("method", "chosen"),
    [
        (
            medseg.classical.hysteresis,
            medseg.classical.HysteresisSettings(weak=60.0, strong=50.0),
        ),
        (
            medseg.classical.canny,
            medseg.classical.CannySettings(weak=60.0, strong=50.0),
        ),
    ],
)
def test_weak_above_strong_is_refused(bright_ball, method, chosen):
    with pytest.raises(medseg.WrongUse, match="weak 60 is above strong 50"):
        method(bright_ball, chosen)


def test_a_threshold_takes_both_ends():
    values = np.arange(6, dtype=np.int16).reshape(1, 2, 3)
    settings = medseg.classical.ThresholdSettings(lower=2.0, upper=4.0)

    found = medseg.classical.threshold(scan(values), settings)

    assert_array_equal(found.array.ravel(), [0, 0, 1, 1, 1, 0])


def test_a_threshold_may_be_open_at_either_end():
    values = np.arange(6, dtype=np.int16).reshape(1, 2, 3)

    below = medseg.classical.ThresholdSettings(upper=1.0)

    assert medseg.classical.threshold(scan(values), below).array.sum() == 2


@hypothesis_settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_hysteresis_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 50, rng.integers(1, 14, 3)).astype(np.float32)
    chosen = medseg.classical.HysteresisSettings(weak=40.0, strong=90.0)

    found = medseg.classical.hysteresis(scan(values), chosen)

    theirs = ndimage.binary_propagation(
        values >= 90, np.ones((3, 3, 3)), mask=values >= 40
    )
    assert_array_equal(found.mask("foreground"), theirs)


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
