"""Small pictures of cases: what is labelled is seen, whatever the scan's size."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from medseg import Geometry, LabelSet, Segmentation, Volume
from medseg.core.errors import UnusableInput
from medseg.report import thumbnail_png
from medseg.report.slices import Display, Plane
from medseg.report.thumbnails import _areas
from tests.core.making import LABELS, ORIENTATIONS, ellipsoid, turned, turned_geometry

TILE = 224
LIVER, TUMOUR = (each.colour for each in LABELS)
WHITE = (255, 255, 255)


def scan_of(geometry, value=40, channel="CT"):
    array = np.full((1, *geometry.shape), value, np.int16)
    return Volume(array=array, geometry=geometry, channels=(channel,))


def labelled(geometry, mask, label=1):
    array = (mask * label).astype(np.uint8)
    return Segmentation(array=array, geometry=geometry, labels=LABELS)


def tiles(png):
    """The three pictures, as numbers."""
    picture = np.asarray(Image.open(io.BytesIO(png)))
    assert picture.shape == (TILE, 3 * TILE, 3)
    return np.split(picture.astype(int), 3, axis=1)


def drawn(tile, colour, slack=40):
    """Pixels of about a colour."""
    return np.abs(tile - colour).max(axis=2) <= slack


def extent(mask):
    rows, columns = np.nonzero(mask)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


LARGE = Geometry.from_spacing((192, 192, 100), (2.0, 2.0, 2.5))


def test_a_lesion_of_5_mm_in_a_large_ct_is_a_ring_one_can_see():
    lesion = ellipsoid(LARGE, 2.5, LARGE.centre_ras_mm + np.array((60, -70, 30)))

    png = thumbnail_png(scan_of(LARGE), labelled(LARGE, lesion, 4))

    for tile in tiles(png):
        ring = drawn(tile, TUMOUR)
        pixels_a_mm = TILE / 100  # at least 100 mm are shown
        assert ring.sum() >= 0.5 * math.pi * 5 * pixels_a_mm
        assert all(4 <= side <= 20 for side in extent(ring))


def test_organs_fill_the_picture_and_a_small_lesion_in_them_is_seen():
    liver = ellipsoid(LARGE, 70.0)
    lesion = ellipsoid(LARGE, 3.0, LARGE.centre_ras_mm + np.array((0, 20, 0)))
    both = labelled(LARGE, liver).array.copy()
    both[lesion] = 4

    png = thumbnail_png(
        scan_of(LARGE), Segmentation(array=both, geometry=LARGE, labels=LABELS)
    )

    for tile in tiles(png):
        assert min(extent(drawn(tile, LIVER))) > 0.7 * TILE
        assert drawn(tile, TUMOUR).any()


def test_a_reference_is_a_white_line_over_the_coloured_one():
    geometry = Geometry.from_spacing((60, 60, 60), (1.0, 1.0, 1.0))
    scan = scan_of(geometry)
    ball = ellipsoid(geometry, 15.0)
    moved = np.roll(ball, 8, axis=0)

    alone = thumbnail_png(scan, labelled(geometry, ball))
    agreed = thumbnail_png(
        scan, labelled(geometry, ball), reference=labelled(geometry, ball)
    )
    missed = thumbnail_png(
        scan,
        labelled(geometry, np.zeros_like(ball)),
        reference=labelled(geometry, moved),
    )

    assert not any(drawn(tile, WHITE).any() for tile in tiles(alone))
    for tile in tiles(agreed):
        assert (tile.min(axis=2) > 190).any()
        assert drawn(tile, LIVER, slack=90).any()
    for tile in tiles(missed):
        assert drawn(tile, WHITE, slack=90).any()
        assert not drawn(tile, LIVER).any()


@pytest.mark.parametrize(
    ("value_hu", "grey"),
    [
        (40, 0.8 * 255 * (40 + 135) / 350),
        (-800, 0.8 * 255 * (1350 - 800) / 1500),
        (3000, 0.8 * 255),
    ],
)
def test_ct_is_shown_for_soft_tissue_or_for_lung(value_hu, grey):
    geometry = Geometry.from_spacing((60, 60, 60), (2.0, 2.0, 2.0))
    scan = scan_of(geometry, value_hu)
    png = thumbnail_png(scan, labelled(geometry, ellipsoid(geometry, 30.0)))
    for tile in tiles(png):
        assert tile[TILE // 2, TILE // 2] == pytest.approx([grey] * 3, abs=2)


def test_without_anything_found_the_middle_of_the_scan_is_shown():
    geometry = Geometry.from_spacing((40, 40, 40), (1.0, 1.0, 1.0))
    png = thumbnail_png(
        scan_of(geometry), labelled(geometry, np.zeros(geometry.shape, bool))
    )
    assert all((np.ptp(tile, axis=2) == 0).all() for tile in tiles(png))


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[::7])
def test_the_picture_does_not_depend_on_the_voxel_order(axes, flipped):
    """Up to the rounding of where lines begin."""
    rng = np.random.default_rng(0)
    shape, spacing_mm = (30, 24, 18), (1.0, 1.5, 2.0)
    upright = turned_geometry(shape, spacing_mm)
    values = rng.normal(40, 60, shape).astype(np.int16)
    labels = labelled(upright, ellipsoid(upright, (8.0, 9.0, 10.0), (-5, 45, 20))).array
    expected = _picture(values, upright, labels)

    sizes, steps_mm = ([each[axis] for axis in axes] for each in (shape, spacing_mm))
    geometry = turned_geometry(tuple(sizes), steps_mm, axes, flipped)
    found = _picture(
        turned(values, axes, flipped), geometry, turned(labels, axes, flipped)
    )

    differs = np.abs(np.subtract(tiles(found), tiles(expected))).max(axis=3) > 60
    assert differs.mean() < 0.002


def _picture(values, geometry, labels):
    volume = Volume(array=values[None], geometry=geometry, channels=("CT",))
    found = Segmentation(array=labels, geometry=geometry, labels=LABELS)
    return thumbnail_png(volume, found)


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[::11])
@pytest.mark.parametrize("order", ["C", "F"])
def test_areas_are_those_of_the_slices_shown(axes, flipped, order):
    geometry = turned_geometry((40, 9, 21), (1.0, 2.0, 3.0), axes, flipped)
    labels = np.random.default_rng(1).integers(0, 4, geometry.shape, dtype=np.uint8)
    display = Display(geometry)
    areas = _areas(geometry, [np.asarray(labels, order=order)])
    for plane in Plane:
        expected = display.areas(labels, plane, 3)[:, 1:]
        np.testing.assert_array_equal(areas[plane][:, 1:], expected)


def test_large_label_numbers_are_drawn_as_others_are():
    geometry = Geometry.from_spacing((40, 40, 40), (1.0, 1.0, 1.0))
    labels = LabelSet.from_names([(1, "liver"), (65535, "rest")])
    ball = ellipsoid(geometry, 12.0)
    large = Segmentation(
        array=ball.astype(np.uint16) * 65535, geometry=geometry, labels=labels
    )
    png = thumbnail_png(scan_of(geometry), large)
    assert drawn(tiles(png)[0], labels["rest"].colour).any()


def test_the_same_case_gives_the_same_bytes():
    scan = scan_of(LARGE)
    labels = labelled(LARGE, ellipsoid(LARGE, 40.0))
    first = thumbnail_png(scan, labels, reference=labels)
    assert thumbnail_png(scan, labels, reference=labels) == first


def test_label_maps_of_another_grid_are_refused():
    geometry = Geometry.from_spacing((20, 20, 20), (1.0, 1.0, 1.0))
    other = Geometry.from_spacing((20, 20, 20), (1.0, 1.0, 2.0))
    with pytest.raises(UnusableInput, match="GRID_MISMATCH"):
        thumbnail_png(scan_of(geometry), labelled(other, np.zeros(other.shape, bool)))
