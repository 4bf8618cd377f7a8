"""Surface scores against other libraries, and by what must hold for any masks."""

from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
import surface_distance
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from monai.metrics.hausdorff_distance import compute_hausdorff_distance
from monai.metrics.surface_distance import compute_average_surface_distance
from scipy.ndimage import (
    binary_erosion,
    center_of_mass,
    distance_transform_edt,
    gaussian_filter,
)

from medseg.metrics.surfaces import surface_scores
from tests.core.making import ORIENTATIONS, spacings, turned
from tests.core.metrics.comparing import mask, sphere, surfaces_of

ORACLES_WARN = pytest.mark.filterwarnings(
    "ignore:Please import:DeprecationWarning",
    "ignore:.*always_return_as_numpy:FutureWarning",
)


def blobs(rng, shape):
    """Two masks that are alike, of any number of pieces, touching the image's edge."""
    common, *apart = (gaussian_filter(rng.normal(size=shape), 2) for _ in range(3))
    share, level = rng.uniform(0.2, 1), rng.uniform(-0.02, 0.1)
    return [common + share * each > level for each in apart]


def random_volumes(count):
    rng = np.random.default_rng(0)
    while count:
        prediction, reference = blobs(rng, rng.integers(9, 36, 3))
        if prediction.any() and reference.any():
            yield prediction, reference, tuple(rng.uniform(0.5, 4, 3).tolist()), rng
            count -= 1


def nsd_by_deepmind(prediction, reference, spacing_mm, tolerance_mm):
    distances = surface_distance.compute_surface_distances(
        reference, prediction, spacing_mm
    )
    return surface_distance.compute_surface_dice_at_tolerance(distances, tolerance_mm)


def by_monai(prediction, reference, spacing_mm):
    a, b = (
        torch.from_numpy(each)[None, None].float() for each in (prediction, reference)
    )
    distance = partial(
        compute_hausdorff_distance, a, b, include_background=True, spacing=spacing_mm
    )
    mean = compute_average_surface_distance(
        a, b, include_background=True, symmetric=True, spacing=spacing_mm
    )
    return {
        "hd_mm": float(distance()),
        "hd95_mm": float(distance(percentile=95)),
        "assd_mm": float(mean),
    }


def rim_by_definition(mask, spacing_mm, tolerance_mm):
    padded = np.pad(mask, 1)
    border = padded ^ binary_erosion(padded)
    distance_mm = distance_transform_edt(~border, sampling=spacing_mm)
    return (distance_mm < tolerance_mm) & padded


@ORACLES_WARN
def test_forty_random_volumes_have_the_scores_of_deepmind_monai_and_the_definition():
    for prediction, reference, spacing_mm, rng in random_volumes(40):
        tolerance_mm = float(rng.uniform(0.3, 8))
        ours = surfaces_of(prediction, reference, spacing_mm, tolerance_mm)
        nsd = nsd_by_deepmind(prediction, reference, spacing_mm, tolerance_mm)
        assert ours.nsd == pytest.approx(nsd, abs=1e-6)
        for metric, value in by_monai(prediction, reference, spacing_mm).items():
            assert getattr(ours, metric) == pytest.approx(value, abs=1e-4), metric
        a, b = (
            rim_by_definition(each, spacing_mm, tolerance_mm)
            for each in (prediction, reference)
        )
        assert ours.boundary_iou == pytest.approx((a & b).sum() / (a | b).sum())
        apart = np.subtract(center_of_mass(prediction), center_of_mass(reference))
        assert ours.centroid_distance_mm == pytest.approx(
            np.linalg.norm(apart * spacing_mm)
        )


@ORACLES_WARN
def test_masks_far_apart_are_as_exact_as_masks_that_overlap():
    near = sphere((70, 40, 40), 9, (12, 20, 20))
    far = sphere((70, 40, 40), 7, (60, 20, 20))
    spacing_mm = 1.3, 0.7, 2.1
    for prediction, reference in ((near, far), (near | far, near)):
        ours = surfaces_of(prediction, reference, spacing_mm, tolerance_mm=31.0)
        for metric, value in by_monai(prediction, reference, spacing_mm).items():
            assert getattr(ours, metric) == pytest.approx(value, abs=1e-4)
        nsd = nsd_by_deepmind(prediction, reference, spacing_mm, 31.0)
        assert ours.nsd == pytest.approx(nsd, abs=1e-6)


@ORACLES_WARN
@pytest.mark.parametrize("tolerance_mm", [3.0, 12.0, 1000.0])
def test_a_tolerance_of_any_size_gives_the_rims_and_surfaces_of_the_definition(
    tolerance_mm,
):
    reference = mask((50, 60, 70), np.s_[2:48, 0:60, 5:60])
    prediction = mask((50, 60, 70), np.s_[5:50, 3:60, 9:70])
    spacing_mm = 0.8, 0.3, 0.25
    ours = surfaces_of(prediction, reference, spacing_mm, tolerance_mm)
    a, b = (
        rim_by_definition(each, spacing_mm, tolerance_mm)
        for each in (prediction, reference)
    )
    assert ours.boundary_iou == pytest.approx((a & b).sum() / (a | b).sum())
    nsd = nsd_by_deepmind(prediction, reference, spacing_mm, tolerance_mm)
    assert ours.nsd == pytest.approx(nsd, abs=1e-6)


def test_many_labels_at_once_score_as_each_alone():
    """Labels that touch, lie at the image's edge, or are in one of the maps only."""
    rng = np.random.default_rng(3)
    maps = []
    for field in (rng.normal(size=(3, 30, 26, 22)), rng.normal(size=(3, 30, 26, 22))):
        smooth = np.stack([gaussian_filter(each, 2) for each in field])
        maps.append(np.where(smooth.max(0) > 0, smooth.argmax(0) + 1, 0) * 100)
    prediction, reference = (each.astype(np.uint16) for each in maps)
    prediction[:3, :3, :3], reference[-3:, -3:, -3:] = 7, 8
    spacing_mm, tolerances = (0.9, 1.4, 2.0), {100: 1.0, 200: 2.5}
    together = surface_scores(
        prediction,
        np.asfortranarray(reference),
        spacing_mm,
        (100, 200, 300),
        tolerances,
    )
    assert together[300].nsd is None
    assert together[300].boundary_iou is None
    for label, tolerance_mm in {**tolerances, 300: 1.0}.items():
        alone = asdict(
            surfaces_of(
                prediction == label, reference == label, spacing_mm, tolerance_mm
            )
        )
        if label == 300:
            alone |= {"nsd": None, "boundary_iou": None}
        assert asdict(together[label]) == pytest.approx(alone)


def test_nothing_asked_for_is_nothing_done():
    nothing = np.zeros((4, 4, 4), np.uint8)
    assert surface_scores(nothing, nothing, (1.0, 1.0, 1.0), (), {}) == {}


@ORACLES_WARN
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_image_of_one_slice_is_an_outline_in_its_plane(axis):
    """As libraries have it for images of two dimensions."""
    rng = np.random.default_rng(5)
    plane_spacing_mm, tolerance_mm = (0.7, 1.6), 1.5
    a, b = blobs(rng, (40, 31))
    spacing_mm = list(plane_spacing_mm)
    spacing_mm.insert(axis, 3.0)
    ours = surfaces_of(
        np.expand_dims(a, axis),
        np.expand_dims(b, axis),
        tuple(spacing_mm),
        tolerance_mm,
    )
    nsd = nsd_by_deepmind(a, b, plane_spacing_mm, tolerance_mm)
    assert ours.nsd == pytest.approx(nsd, abs=1e-6)
    for metric, value in by_monai(a, b, plane_spacing_mm).items():
        assert getattr(ours, metric) == pytest.approx(value, abs=1e-4)
    rims = [rim_by_definition(each, plane_spacing_mm, tolerance_mm) for each in (a, b)]
    overlap = (rims[0] & rims[1]).sum() / (rims[0] | rims[1]).sum()
    assert ours.boundary_iou == pytest.approx(overlap)


@st.composite
def pairs_of_masks(draw):
    """Two masks of a small image, neither of them empty, some of scattered voxels."""
    edge = st.integers(2, 11)
    shape = draw(st.tuples(edge, edge, edge))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, level = draw(st.sampled_from([0, 1, 2])), draw(st.floats(0.3, 0.8))
    noise = [gaussian_filter(rng.random(shape), width) for _ in range(2)]
    masks = [each > np.quantile(each, level) for each in noise]
    assume(all(each.any() for each in masks))
    return masks


def scores_of(masks, spacing_mm, tolerance_mm=1.0):
    prediction, reference = masks
    return surfaces_of(prediction, reference, spacing_mm, tolerance_mm)


MORE_THAN_A_MOMENT = settings(deadline=None, max_examples=60)
TOLERANCES = st.floats(0.2, 9)


@MORE_THAN_A_MOMENT
@given(pairs_of_masks(), spacings(0.5, 4), TOLERANCES)
def test_swapping_the_masks_changes_nothing(masks, spacing_mm, tolerance_mm):
    there = scores_of(masks, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    back = scores_of(masks[::-1], spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    assert asdict(there) == pytest.approx(asdict(back))


@MORE_THAN_A_MOMENT
@given(
    pairs_of_masks(),
    spacings(0.5, 4),
    TOLERANCES,
    st.sampled_from(ORIENTATIONS),
    st.booleans(),
)
def test_flips_and_the_order_of_axes_change_nothing(
    masks, spacing_mm, tolerance_mm, orientation, is_copied
):
    axes, flipped = orientation
    others = [turned(each, axes, flipped) for each in masks]
    if is_copied:
        others[1] = others[1].copy()
    turned_mm = tuple(spacing_mm[axis] for axis in axes)
    plain = scores_of(masks, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    other = scores_of(others, spacing_mm=turned_mm, tolerance_mm=tolerance_mm)
    assert asdict(plain) == pytest.approx(asdict(other))


@MORE_THAN_A_MOMENT
@given(pairs_of_masks(), spacings(0.5, 4), TOLERANCES, TOLERANCES)
def test_a_larger_tolerance_never_lowers_nsd(masks, spacing_mm, one_mm, other_mm):
    less, more = (
        scores_of(masks, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
        for tolerance_mm in sorted((one_mm, other_mm))
    )
    assert 0 <= less.nsd <= more.nsd <= 1


@MORE_THAN_A_MOMENT
@given(pairs_of_masks(), spacings(0.5, 4))
def test_distances_are_in_order_and_no_longer_than_the_image(masks, spacing_mm):
    score = scores_of(masks, spacing_mm=spacing_mm)
    diagonal_mm = np.linalg.norm(np.subtract(masks[0].shape, 1) * spacing_mm)
    assert 0 <= score.hd95_mm <= score.hd_mm <= diagonal_mm * (1 + 1e-12)
    assert max(score.assd_mm, score.masd_mm) <= score.hd_mm * (1 + 1e-12)


@MORE_THAN_A_MOMENT
@given(pairs_of_masks(), spacings(0.5, 4), TOLERANCES, st.floats(0.2, 5))
def test_distances_scale_with_the_spacing(masks, spacing_mm, tolerance_mm, factor):
    plain = scores_of(masks, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm)
    scaled_mm = tuple(edge * factor for edge in spacing_mm)
    scaled = asdict(
        scores_of(masks, spacing_mm=scaled_mm, tolerance_mm=tolerance_mm * factor)
    )
    shares = {"nsd": plain.nsd, "boundary_iou": plain.boundary_iou}
    lengths = {
        name: value * factor
        for name, value in asdict(plain).items()
        if name not in shares
    }
    assert scaled == pytest.approx({**lengths, **shares})


@MORE_THAN_A_MOMENT
@given(pairs_of_masks(), spacings(0.5, 4), TOLERANCES)
def test_a_mask_with_itself_is_perfect(masks, spacing_mm, tolerance_mm):
    score = surfaces_of(masks[0], masks[0], spacing_mm, tolerance_mm)
    assert (score.nsd, score.boundary_iou) == (1, 1)
    assert score.hd_mm == score.hd95_mm == score.assd_mm == score.masd_mm == 0
    assert score.centroid_distance_mm == 0


@pytest.mark.parametrize("steps", [1, 3, 6, 7, 19])
@pytest.mark.parametrize("spacing_mm", [0.1, 0.7, 1.1, 1 / 3])
def test_rounding_does_not_decide_at_the_tolerance(steps, spacing_mm):
    """3 x 0.1 is 0.30000000000000004, and still within 0.3."""
    shape, edges = (30, 5, 5), (spacing_mm, 1.0, 1.0)
    reference = mask(shape, np.s_[4:5, :, :])
    prediction = np.roll(reference, steps, axis=0)
    tolerance_mm = float(f"{steps * spacing_mm:.12g}")
    score = surfaces_of(prediction, reference, edges, tolerance_mm)
    assert score.nsd == 1
    assert surfaces_of(prediction, reference, edges, 0.999 * tolerance_mm).nsd < 1
    block = mask(shape, np.s_[4:28, :, :])
    in_plane = spacing_mm, 100.0, 100.0
    thicker = mask(shape, np.s_[4:28, 1:4, 1:4])
    at = surfaces_of(thicker, block, in_plane, tolerance_mm).boundary_iou
    below = surfaces_of(thicker, block, in_plane, tolerance_mm * 0.999).boundary_iou
    assert at == below


def test_concentric_balls_are_as_far_apart_as_their_radii():
    inner, outer = (
        sphere((61, 61, 61), radius, (30, 30, 30)) for radius in (15.0, 25.0)
    )
    score = surfaces_of(inner, outer, tolerance_mm=8.0)
    assert score.hd95_mm == pytest.approx(10, abs=0.6)
    assert score.assd_mm == pytest.approx(10, abs=0.6)
    assert score.nsd == 0
    assert score.centroid_distance_mm == 0
