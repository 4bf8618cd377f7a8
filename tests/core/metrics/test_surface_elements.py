"""Areas of surface elements against the table they are taken from, and a formula."""

import numpy as np
import pytest
from surface_distance import lookup_tables

from medseg.metrics.surface_elements import areas_mm2, surface_elements
from tests.core.metrics.comparing import mask, sphere

SPACINGS = [(1.0, 1.0, 1.0), (3.0, 2.0, 1.0), (0.7, 0.9, 5.0), (0.31, 4.0, 0.31)]


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_every_code_has_the_area_of_deepminds_table(spacing_mm):
    table = lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
    np.testing.assert_allclose(areas_mm2(spacing_mm), table, rtol=1e-12, atol=1e-12)


def test_codes_are_those_of_deepminds_kernel():
    rng = np.random.default_rng(0)
    labels = np.zeros((9, 8, 7), np.uint8)
    labels[1:-1, 1:-1, 1:-1] = rng.integers(0, 3, (7, 6, 5))
    found = surface_elements(labels)
    for label in (1, 2):
        corners = np.lib.stride_tricks.sliding_window_view(labels == label, (2, 2, 2))
        kernel = lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
        codes = np.zeros(labels.shape, int)
        codes[:-1, :-1, :-1] = (corners * kernel).sum(axis=(3, 4, 5))
        wanted = np.flatnonzero((codes > 0) & (codes < 255))
        order = np.argsort(found[label].nodes)
        np.testing.assert_array_equal(found[label].nodes[order], wanted)
        np.testing.assert_array_equal(found[label].codes[order], codes.flat[wanted])


def area_mm2(shape, spacing_mm):
    elements = surface_elements(np.pad(shape.astype(np.uint8), 1))[1]
    return areas_mm2(spacing_mm)[elements.codes].sum()


def test_a_ball_has_the_area_of_the_formula_and_up_to_a_fifth_more():
    """Steps between voxels are chamfered, not smoothed."""
    spacing_mm = 1.0, 0.5, 2.0
    ball = sphere((64, 124, 34), 28.0, (31, 31, 33), spacing_mm)
    assert 1 <= area_mm2(ball, spacing_mm) / (4 * np.pi * 28.0**2) <= 1.2


def test_a_slab_has_the_area_of_its_two_faces():
    spacing_mm = 1.5, 0.5, 0.25
    faces = 2 * (200 * 0.5) * (200 * 0.25)
    slab = mask((3, 200, 200), np.s_[1:2, :, :])
    assert area_mm2(slab, spacing_mm) == pytest.approx(faces, rel=0.05)
