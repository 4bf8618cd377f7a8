import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from tests.core.classical.scenes import ball, labels

SHAPE = (40, 50, 28)
BALL = ball(SHAPE, (29, 25, 27), 14)
ISLAND = ball(SHAPE, (6, 6, 6), 4)


def test_the_largest_pieces_are_kept():
    found = medseg.classical.keep_largest(labels(BALL | ISLAND), "lesion")

    assert_array_equal(found.mask("lesion"), BALL)
    assert "1 of 2 pieces kept" in found.notes[-1]


def test_as_many_pieces_as_asked_for_are_kept():
    settings = medseg.classical.LargestSettings(pieces=2)

    found = medseg.classical.keep_largest(labels(BALL | ISLAND), "lesion", settings)

    assert_array_equal(found.mask("lesion"), BALL | ISLAND)


def test_a_hole_is_filled_and_agrees_with_scipy():
    hollow = BALL & ~ball(SHAPE, (29, 25, 27), 6)

    found = medseg.classical.fill_holes(labels(hollow), "lesion")

    assert_array_equal(found.mask("lesion"), ndimage.binary_fill_holes(hollow))
    assert_array_equal(found.mask("lesion"), BALL)


def test_a_tunnel_is_filled_slice_by_slice_only():
    tube = np.zeros(SHAPE, bool)
    tube[10:20, 10:20], tube[13:17, 13:17] = True, False
    by_slice = medseg.classical.HolesSettings(by_slice=True)

    whole = medseg.classical.fill_holes(labels(tube), "lesion").mask("lesion")
    sliced = medseg.classical.fill_holes(labels(tube), "lesion", by_slice)

    assert not whole[15, 15].any()
    assert sliced.mask("lesion")[15, 15].all()


def test_what_lies_in_a_hole_is_not_overwritten():
    array = np.where(BALL, 1, 0)
    array[ball(SHAPE, (29, 25, 27), 6)] = 2

    found = medseg.classical.fill_holes(labels(array), "lesion")

    assert_array_equal(found.array, array)


def test_smoothing_takes_bumps_off():
    rng = np.random.default_rng(0)
    rough = np.where(rng.random(SHAPE) < 0.08, ~BALL, BALL)
    rough &= ball(SHAPE, (29, 25, 27), 18)

    found = medseg.classical.smooth(labels(rough), "lesion").mask("lesion")

    assert (found != BALL).sum() < (rough != BALL).sum() / 2.5


def test_a_ball_shrinks_by_the_square_of_sigma_over_its_radius():
    shape, spacing_mm = (44, 44, 44), (1.0, 1.0, 1.0)
    round_ball = ball(shape, (21.5, 21.5, 21.5), 16.0, spacing_mm)
    settings = medseg.classical.SmoothSettings(sigma_mm=3.0)

    found = medseg.classical.smooth(labels(round_ball, spacing_mm), "lesion", settings)

    radius_mm = (found.volume_ml("lesion") * 1000 * 3 / 4 / np.pi) ** (1 / 3)
    assert radius_mm == pytest.approx(16.0 - 3.0**2 / 16.0, abs=0.15)


def test_a_flat_surface_stays_where_it_is():
    half = np.zeros(SHAPE, bool)
    half[:, :20] = True

    found = medseg.classical.smooth(labels(half), "lesion")

    assert_array_equal(found.mask("lesion"), half)


def test_smoothing_goes_by_millimetres():
    spike = np.zeros((30, 30, 30), bool)
    spike[:, :15] = True
    spike[14:17, 15:24, 14:17] = True
    coarse = labels(spike, (4.0, 4.0, 4.0))
    fine = labels(spike, (0.5, 0.5, 0.5))

    kept, gone = (
        medseg.classical.smooth(of, "lesion").mask("lesion") for of in (coarse, fine)
    )

    assert kept[15, 20, 15]
    assert not gone[15, 20, 15]


@pytest.mark.parametrize(
    "clean",
    [
        medseg.classical.smooth,
        medseg.classical.fill_holes,
        medseg.classical.keep_largest,
        medseg.classical.cut_touching,
    ],
)
def test_an_empty_structure_stays_empty(clean):
    assert not clean(labels(np.zeros(SHAPE)), "lesion").array.any()


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(medseg.WrongUse, match="Use one of lesion, organ"):
        medseg.classical.smooth(labels(BALL), "liver")
