import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from tests.core.classical.scenes import ball, scan

SHAPE = (20, 24, 16)


@pytest.fixture
def volume() -> medseg.Volume:
    values = np.where(ball(SHAPE, (15, 12, 16), 8), 100, 0).astype(np.int16)
    turned = scan(values).geometry.permuted((0, 1, 2), (True, True, False))
    return medseg.Volume(array=values[None], geometry=turned, channels=("CT",))


def test_a_box_is_found_from_two_corners_in_the_patient(volume):
    corners = volume.geometry.to_world([(4, 5, 6), (9, 8, 7)])

    box = medseg.classical.box_between(volume.geometry, corners)

    assert box == medseg.classical.Box(start=(4, 5, 6), shape=(6, 4, 2))


def test_a_box_that_sticks_out_is_cut_off(volume):
    corners = volume.geometry.to_world([(-40, -40, 3), (40, 40, 3)])

    box = medseg.classical.box_between(volume.geometry, corners)

    assert box == medseg.classical.Box(start=(0, 0, 3), shape=(20, 24, 1))


@pytest.mark.parametrize(
    "indices",
    [[(40, 0, 0), (50, 9, 9)], [(1, 1, 1), (np.nan, 2, 2)], [(-9, 0, 0), (-5, 2, 2)]],
)
def test_a_box_beside_the_scan_is_refused(volume, indices):
    corners = volume.geometry.to_world(indices)

    with pytest.raises(medseg.WrongUse, match="outside the scan"):
        medseg.classical.box_between(volume.geometry, corners)


def test_a_method_in_a_box_finds_what_is_in_the_box(volume):
    box = medseg.classical.Box(start=(4, 5, 6), shape=(6, 8, 5))
    settings = medseg.classical.ThresholdSettings(lower=50.0)

    part = medseg.classical.threshold(
        medseg.classical.cropped_scan(volume, box), settings
    )
    found = medseg.classical.pasted(part, volume.geometry, box)

    whole = medseg.classical.threshold(volume, settings).array
    assert_array_equal(found.array[box.slices], whole[box.slices])
    assert found.array.sum() == whole[box.slices].sum()
    assert found.provenance is not None
    assert "only in voxels (4, 5, 6) to (9, 12, 10)" in found.provenance.notes[-1]


def test_a_crop_stays_in_its_place(volume):
    box = medseg.classical.Box(start=(4, 5, 6), shape=(6, 8, 5))

    part = medseg.classical.cropped_scan(volume, box)

    assert_allclose(
        part.geometry.to_world((0, 0, 0)), volume.geometry.to_world((4, 5, 6))
    )
