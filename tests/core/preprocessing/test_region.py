"""A coarse result on the grid that a finer network works on."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from medseg import ErrorCode, Geometry, UnusableInput
from medseg.preprocessing import margin_voxels, prepare, prepare_region
from tests.core.making import (
    ORIENTATIONS,
    TINY_PLAN,
    segmentation_of,
    turned,
    turned_geometry,
    volume_of,
)


def scan_and_region(shape, voxels, geometry=None):
    labels = np.zeros(shape, np.uint8)
    for voxel in voxels:
        labels[voxel] = 4
    return (
        volume_of(np.ones(shape, np.float32), geometry),
        segmentation_of(labels, geometry),
    )


def test_on_the_same_grid_it_is_where_the_structures_are():
    scan, region = scan_and_region((6, 7, 8), [(1, 2, 3), (5, 6, 7)])
    result = prepare_region(region, prepare(scan, TINY_PLAN), TINY_PLAN)
    assert_array_equal(result, region.array > 0)


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[::5])
def test_it_is_turned_as_the_scan_is(axes, flipped):
    geometry = turned_geometry((6, 7, 8), (1.0, 1.0, 1.0), axes, flipped)
    scan, region = scan_and_region((6, 7, 8), [(1, 2, 3)], geometry)
    prepared = prepare(scan, TINY_PLAN)
    expected = turned(region.array > 0, prepared.axes, prepared.flipped)
    assert_array_equal(prepare_region(region, prepared, TINY_PLAN), expected)


@pytest.mark.parametrize("spacing_mm", [0.4, 3.7, 9.0])
def test_no_structure_is_too_small_to_be_kept_and_its_place_is_right(spacing_mm):
    plan = replace(TINY_PLAN, spacing_mm=(spacing_mm,) * 3)
    scan, region = scan_and_region((30, 31, 32), [(7, 20, 13)])
    prepared = prepare(scan, plan)
    result = prepare_region(region, prepared, plan)
    assert result.shape == prepared.image.shape[1:]
    grid = prepared.source.with_shape(result.shape)
    centres = grid.to_world(np.argwhere(result))
    assert len(centres)
    reach_mm = np.array(grid.spacing_mm) + 1
    assert (np.abs(centres - (7, 20, 13)) <= reach_mm).all()


def test_a_margin_is_rounded_up_to_whole_voxels():
    plan = replace(TINY_PLAN, spacing_mm=(1.5, 2.0, 5.0))
    scan, _ = scan_and_region((30, 30, 30), [])
    assert margin_voxels(20.0, prepare(scan, plan), plan) == (14, 10, 4)


def test_a_region_on_another_grid_is_refused():
    scan, region = scan_and_region((6, 7, 8), [])
    other = Geometry.from_spacing((6, 7, 8), (1.0, 1.0, 1.0), (5.0, 0.0, 0.0))
    with pytest.raises(UnusableInput) as caught:
        prepare_region(
            replace(region, geometry=other), prepare(scan, TINY_PLAN), TINY_PLAN
        )
    assert caught.value.code is ErrorCode.GRID_MISMATCH
