"""Training cases and the patches drawn from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from medseg.training.augmentation import Appearance
from medseg.training.samples import (
    PatchDraw,
    TrainingCase,
    counter_rng,
    cut_patch,
    draw_patch,
    plain_draw,
    training_case,
)
from tests.core.making import TINY_PLAN, ellipsoid, segmentation_of, volume_of

PATCH = (8, 6, 4)
PLAN = replace(TINY_PLAN, patch_shape=PATCH, strides=((1, 1, 1), (2, 1, 1), (2, 2, 1)))


def case_of(shape=(20, 18, 16), seed=0) -> TrainingCase:
    """Noise with a box of each structure."""
    image = np.random.default_rng(seed).normal(5, 1, shape).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    labels[2:9, 3:9, 4:9] = 1
    labels[10:13, 9:12, 9:12] = 4
    return training_case("a", volume_of(image), segmentation_of(labels), PLAN)


def draw_at(start, deformation=None) -> PatchDraw:
    """The patch whose first voxel is `start`."""
    return PatchDraw(
        case=0,
        centre=np.array(start) + (np.array(PATCH) - 1) / 2,
        deformation=np.eye(3) if deformation is None else deformation,
        appearance=Appearance(),
    )


def test_a_case_holds_label_indices_and_where_they_are():
    case = case_of()
    assert case.labels.unique().tolist() == [0, 1, 2]
    assert [len(voxels) for voxels in case.centres] == [7 * 6 * 5, 27]
    for index, voxels in enumerate(case.centres, start=1):
        assert (case.labels.numpy()[tuple(voxels.T)] == index).all()
    assert float(case.image.mean()) == pytest.approx(0, abs=1e-4)


def test_an_undeformed_patch_is_a_plain_slice():
    case = case_of()
    image, labels = cut_patch([case], draw_at((3, 5, 7)), PLAN)
    box = slice(3, 11), slice(5, 11), slice(7, 11)
    torch.testing.assert_close(image, case.image[:, *box], rtol=0, atol=1e-4)
    assert torch.equal(labels, case.labels[box].long())


def test_outside_the_case_there_is_nothing():
    case = case_of()
    image, labels = cut_patch([case], draw_at((-3, 16, -2)), PLAN)
    torch.testing.assert_close(
        image[:, 3:, :2, 2:], case.image[:, :5, 16:, :2], rtol=0, atol=1e-4
    )
    for outside in (image[:, :3], image[:, :, 2:], image[..., :2], labels[:3]):
        assert outside.abs().max() < 1e-4


def test_beside_a_single_slice_there_is_nothing():
    case = case_of(shape=(20, 18, 16))
    flat = replace(case, image=case.image[..., 5:6], labels=case.labels[..., 5:6])
    image, labels = cut_patch([flat], draw_at((3, 5, -2)), PLAN)
    torch.testing.assert_close(
        image[..., 2], case.image[:, 3:11, 5:11, 5], rtol=0, atol=1e-4
    )
    assert torch.equal(labels[..., 2], case.labels[3:11, 5:11, 5].long())
    assert image[..., [0, 1, 3]].abs().max() < 1e-4
    assert not labels[..., [0, 1, 3]].any()


def test_a_patch_far_outside_is_empty():
    image, labels = cut_patch([case_of()], draw_at((500, -300, 0)), PLAN)
    assert not image.any()
    assert not labels.any()


def test_mirroring_turns_left_to_right():
    case = case_of()
    mirror = np.diag([-1.0, 1.0, 1.0])
    image, labels = cut_patch([case], draw_at((3, 5, 7)), PLAN)
    mirrored, mirrored_labels = cut_patch([case], draw_at((3, 5, 7), mirror), PLAN)
    torch.testing.assert_close(mirrored, image.flip(1), rtol=0, atol=1e-4)
    assert torch.equal(mirrored_labels, labels.flip(0))


def test_a_sphere_turned_in_millimetres_stays_a_sphere():
    spacing_mm = (1.0, 1.0, 2.0)
    plan = replace(TINY_PLAN, spacing_mm=spacing_mm, patch_shape=(32, 32, 16))
    volume = volume_of(np.ones((40, 40, 20), np.float32))
    geometry = type(volume.geometry).from_spacing((40, 40, 20), spacing_mm)
    sphere = ellipsoid(geometry, (12.0, 12.0, 12.0)).astype(np.uint8)
    case = training_case(
        "a",
        volume_of(sphere + 1.0, geometry),
        segmentation_of(sphere, geometry),
        plan,
    )
    angle = np.deg2rad(35)
    about_r = np.array(
        [
            [1, 0, 0],
            [0, np.cos(angle), -np.sin(angle)],
            [0, np.sin(angle), np.cos(angle)],
        ]
    )
    scale = np.array(spacing_mm)
    draw = PatchDraw(
        case=0,
        centre=(np.array(geometry.shape) - 1) / 2,
        deformation=about_r * scale / scale[:, None],
        appearance=Appearance(),
    )
    _, turned = cut_patch([case], draw, plan)
    _, straight = cut_patch([case], replace(draw, deformation=np.eye(3)), plan)
    overlap = 2 * int((turned & straight).sum()) / int(turned.sum() + straight.sum())
    assert overlap > 0.95


def test_chance_follows_from_seed_step_and_sample_alone():
    numbers = counter_rng(1, 2, 3).random(5)
    assert_array_equal(numbers, counter_rng(1, 2, 3).random(5))
    for other in ((0, 2, 3), (1, 3, 3), (1, 2, 4), (1, 3, 2)):
        assert not np.array_equal(numbers, counter_rng(*other).random(5))


def test_drawing_and_cutting_leave_the_global_chance_alone():
    case = case_of()
    torch_state = torch.random.get_rng_state()
    numpy_state = str(np.random.get_state())  # noqa: NPY002
    for n in range(20):
        cut_patch([case], draw_patch(counter_rng(0, n, 0), [case], PLAN), PLAN)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002


def test_a_patch_drawn_twice_is_the_same():
    cases = [case_of(), case_of(seed=1)]
    for n in range(10):
        first, again = (
            cut_patch(cases, draw_patch(counter_rng(7, n, 1), cases, PLAN), PLAN)
            for _ in range(2)
        )
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])


def test_a_plain_draw_is_not_deformed():
    case = case_of()
    for n in range(10):
        draw = plain_draw(counter_rng(0, n, 0), [case], PLAN)
        assert_allclose(draw.deformation, np.eye(3))
        assert draw.appearance == Appearance()


def test_patches_stay_inside_give_or_take_two_voxels():
    case = case_of()
    half = (np.array(PATCH) - 1) / 2
    centres = np.array(
        [draw_patch(counter_rng(0, n, 0), [case], PLAN).centre for n in range(100)]
    )
    shape = np.array(case.labels.shape)
    assert (centres - half >= -2.001).all()
    assert (centres + half <= shape - 1 + 2.001).all()


def test_a_rare_structure_is_centred_on_as_often_as_a_common_one():
    labels = np.zeros((60, 60, 60), np.uint8)
    labels[30:40, 30:40, 30:40] = 1
    labels[20, 20, 20] = 4
    image = np.ones((60, 60, 60), np.float32)
    case = training_case("a", volume_of(image), segmentation_of(labels), PLAN)
    centres = [
        draw_patch(counter_rng(0, n, 0), [case], PLAN).centre for n in range(200)
    ]
    whole = [tuple(c.astype(int)) for c in centres if np.array_equal(c, c.round())]
    indices = [int(case.labels[centre]) for centre in whole]
    assert set(indices) == {1, 2}
    assert len(indices) > 0.25 * len(centres)
    assert indices.count(2) == pytest.approx(len(indices) / 2, rel=0.25)


def test_every_case_is_drawn():
    cases = [case_of()] * 4
    drawn = {draw_patch(counter_rng(0, n, 0), cases, PLAN).case for n in range(60)}
    assert drawn == {0, 1, 2, 3}


def test_a_case_without_structures_or_smaller_than_a_patch_can_be_drawn():
    small = (3, 2, 5)
    case = training_case(
        "a",
        volume_of(np.ones(small, np.float32)),
        segmentation_of(np.zeros(small, np.uint8)),
        PLAN,
    )
    image, labels = cut_patch(
        [case], draw_patch(counter_rng(0, 0, 0), [case], PLAN), PLAN
    )
    assert image.shape == (1, *PATCH)
    assert labels.shape == PATCH
