import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from tests.core.classical.scenes import SPACING_MM, noise, scan

HALVES = np.ones((6, 5, 4), np.uint16)
HALVES[3:] = 300
HALVES[:, 4] = 0
NAMES = medseg.LabelSet.from_names([(1, "piece 1"), (300, "piece 2")])
CUT_UP = medseg.Segmentation(
    array=HALVES,
    geometry=medseg.Geometry.from_spacing(HALVES.shape, SPACING_MM),
    labels=NAMES,
)


def at(*indices):
    """The middles of some voxels, R A S in mm."""
    return [tuple(np.array(index) * SPACING_MM) for index in indices]


def test_the_piece_that_a_point_lies_in_is_taken():
    assert_array_equal(medseg.classical.pieces_at(CUT_UP, at((4, 1, 2))), HALVES == 300)


def test_of_several_points_all_pieces_are_taken():
    found = medseg.classical.pieces_at(CUT_UP, at((4, 1, 2), (0, 0, 0), (1, 1, 1)))

    assert_array_equal(found, HALVES > 0)


def test_a_point_on_background_takes_nothing():
    assert not medseg.classical.pieces_at(CUT_UP, at((2, 4, 2))).any()


def test_a_point_outside_is_refused():
    with pytest.raises(medseg.WrongUse, match="outside the scan"):
        medseg.classical.pieces_at(CUT_UP, at((6, 1, 2)))


def test_of_supervoxels_it_is_the_one_round_the_point():
    volume = scan(noise((24, 20, 16), 10))
    settings = medseg.classical.SupervoxelSettings(edge_mm=8.0)
    pieces = medseg.classical.supervoxels(volume, settings)

    found = medseg.classical.pieces_at(pieces, at((12, 10, 8)))

    assert found[12, 10, 8]
    assert len(np.unique(pieces.array[found])) == 1
    assert not np.isin(pieces.array[~found], pieces.array[found]).any()
