from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

import medseg

LABELS = medseg.LabelSet.from_names([(3, "ball")])
RADIUS_MM = 12.0


def ball(spacing_mm=(1.0, 1.0, 1.0), flip=None):
    spacing = np.array(spacing_mm)
    i, j, k = np.ceil(32 / spacing).astype(int).tolist()
    shape = i, j, k
    grid = np.indices(shape).reshape(3, -1).T * spacing - 16
    array = (np.square(grid).sum(axis=1) < RADIUS_MM**2).reshape(shape)
    affine = np.diag([*spacing, 1.0])
    if flip is not None:
        affine[flip, flip] *= -1
    return medseg.Segmentation(
        array=array.astype(np.uint8) * 3,
        geometry=medseg.Geometry(shape, affine),
        labels=LABELS,
    )


def enclosed_mm3(surface):
    """By the divergence theorem; positive when triangles are seen from outside."""
    a, b, c = (surface.vertices_ras_mm[surface.triangles[:, n]] for n in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("flip", [None, 0, 1, 2])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.0, 0.8, 2.0)])
def test_the_surface_of_a_ball_encloses_its_volume(spacing_mm, flip):
    surface = medseg.structure_surface(ball(spacing_mm, flip), "ball")

    volume_mm3 = 4 / 3 * np.pi * RADIUS_MM**3
    assert enclosed_mm3(surface) == pytest.approx(volume_mm3, rel=0.04)


def test_every_point_of_the_surface_is_a_radius_from_the_centre():
    surface = medseg.structure_surface(ball(), "ball")

    distances = np.linalg.norm(surface.vertices_ras_mm - 16, axis=1)

    assert_allclose(distances, RADIUS_MM, atol=0.8)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1)])
def test_a_structure_of_few_voxels_has_a_surface_too(shape):
    box = np.zeros((6, 6, 6), np.uint8)
    box[tuple(slice(2, 2 + size) for size in shape)] = 3
    geometry = medseg.Geometry.from_spacing(box.shape, (1.0, 1.0, 1.0))
    labels = medseg.Segmentation(array=box, geometry=geometry, labels=LABELS)

    surface = medseg.structure_surface(labels, "ball")

    centre = 2 + (np.array(shape) - 1) / 2
    assert_allclose(surface.vertices_ras_mm.mean(axis=0), centre, atol=1e-6)
    assert enclosed_mm3(surface) > 0


def test_the_surface_is_closed_also_where_the_structure_ends_with_the_scan():
    whole = ball()
    array = whole.array[10:].copy()
    geometry = whole.geometry.cropped((10, 0, 0), array.shape)
    cut = medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)

    surface = medseg.structure_surface(cut, "ball")

    sides = np.concatenate([surface.triangles[:, [a, (a + 1) % 3]] for a in range(3)])
    directed = Counter(map(tuple, sides.tolist()))
    assert all(directed[b, a] == n for (a, b), n in directed.items())


def test_what_has_no_voxel_has_no_triangle():
    whole = ball()
    empty = medseg.Segmentation(
        array=np.zeros_like(whole.array), geometry=whole.geometry, labels=LABELS
    )

    assert len(medseg.structure_surface(empty, "ball").triangles) == 0
