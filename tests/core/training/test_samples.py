"""Training cases and the patches drawn from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import map_coordinates

from medseg import Geometry, LabelSet, UnusableInput
from medseg.core.plan import IGNORED
from medseg.training.appearance import UNCHANGED
from medseg.training.augmentation import augmented
from medseg.training.batch import RawBatch
from medseg.training.cases import TrainingCase, training_case
from medseg.training.deformation import UNDEFORMED, Deformation
from medseg.training.samples import (
    Chances,
    PatchDraw,
    PatchSource,
    counter_rng,
    draw_patch,
    plain_draw,
    raw_batch,
)
from medseg.training.stored_voxels import StoredVoxels
from tests.core.making import TINY_PLAN, ellipsoid, segmentation_of, volume_of

PATCH = (8, 6, 4)
ONES = ((1, 1, 1),) * 3
PLAN = replace(TINY_PLAN, patch_shape=PATCH, strides=((1, 1, 1), (2, 1, 1), (2, 2, 1)))

DRAWN_CASES = [1, 1, 2, 1]
DRAWN_CENTRES = [
    [9.5, 11.5, -0.5],
    [11.5, 11.5, 11.5],
    [3.5, 5.5, 8.5],
    [2.5, 7.5, 10.5],
]


def case_of(shape=(20, 18, 16), seed=0) -> TrainingCase:
    """Noise with a box of each structure."""
    image = np.random.default_rng(seed).normal(5, 1, shape).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    labels[2:9, 3:9, 4:9] = 1
    labels[10:13, 9:12, 9:12] = 4
    return training_case("a", volume_of(image), segmentation_of(labels), PLAN)


def draw_at(start, matrix=None) -> PatchDraw:
    """The patch whose first voxel is `start`."""
    return PatchDraw(
        case=0,
        centre=np.array(start) + (np.array(PATCH) - 1) / 2,
        deformation=UNDEFORMED if matrix is None else Deformation(matrix=matrix),
        appearance=UNCHANGED,
    )


def cut(cases, draw, plan=PLAN) -> tuple[torch.Tensor, torch.Tensor]:
    """The patch of one draw."""
    image, labels = augmented(raw_batch(cases, [draw], plan), plan)
    return image[0], labels[0]


def image_of(case: TrainingCase) -> np.ndarray:
    return case.image[(slice(None),) * 4]


def labels_of(case: TrainingCase) -> np.ndarray:
    return case.labels[(slice(None),) * 3]


def cropped(case, *box) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(case.image[(slice(None), *box)]))


def is_same(a: RawBatch, b: RawBatch) -> bool:
    return torch.equal(a.image, b.image) and torch.equal(a.labels, b.labels)


class Counting:
    """Voxels that remember how many of them were asked for."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.read = array, 0

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def __getitem__(self, box: tuple[slice, ...]) -> np.ndarray:
        part = self.array[box]
        self.read += part.size
        return part


def test_a_case_holds_label_indices_and_where_they_are():
    case = case_of()
    assert np.unique(labels_of(case)).tolist() == [0, 1, 2]
    assert [len(voxels) for voxels in case.centres] == [7 * 6 * 5, 27]
    for index, voxels in enumerate(case.centres, start=1):
        assert_array_equal(voxels, np.argwhere(labels_of(case) == index))
    assert image_of(case).mean() == pytest.approx(0, abs=1e-4)
    assert case.annotated is None


def test_centres_of_a_large_box_are_spread_over_all_its_slices():
    """Every 40th of its 200,000 voxels would lie in one slice of 20."""
    labels = np.ones((110, 100, 20), np.uint8)
    labels[100:] = 4
    image = np.random.default_rng(0).normal(5, 1, labels.shape).astype(np.float32)
    structures = LabelSet.from_names([(1, "liver"), (4, "ignored")])
    case = training_case(
        "a",
        volume_of(image),
        segmentation_of(labels, labels=structures),
        replace(PLAN, labels=LabelSet.from_names([(1, "liver")])),
        ignore_id=4,
    )
    assert case.annotated is not None
    for voxels in (*case.centres, case.annotated):
        assert len(np.unique(voxels, axis=0)) == len(voxels) == 5000
        for along, slices in zip(voxels.T, (100, 100, 20), strict=True):
            usual, sd = 5000 / slices, np.sqrt(5000 / slices)
            counts = np.bincount(along, minlength=slices)
            assert len(counts) == slices
            assert abs(counts - usual).max() < 5 * sd


def test_an_undeformed_patch_is_a_plain_slice():
    case = case_of()
    image, labels = cut([case], draw_at((3, 5, 7)))
    box = slice(3, 11), slice(5, 11), slice(7, 11)
    torch.testing.assert_close(image, cropped(case, *box), rtol=0, atol=1e-4)
    assert_array_equal(labels, case.labels[box])


@pytest.mark.parametrize("patch", [PATCH, (7, 5, 3), (8, 5, 40)])
def test_a_drawn_patch_is_a_plain_slice_but_for_its_deformation(patch):
    """Or else every patch would be blurred, and its labels half a voxel off."""
    case, plan = case_of(), replace(PLAN, patch_shape=patch, strides=ONES)
    padded = np.pad(image_of(case)[0], 50)
    padded_labels = np.pad(labels_of(case), 50)
    for n in range(30):
        draw = plain_draw(counter_rng(0, n, 0), [case], plan)
        first = draw.centre - (np.array(patch) - 1) / 2
        assert_array_equal(first, first.round())
        start = first.astype(int) + 50
        box = tuple(slice(a, a + edge) for a, edge in zip(start, patch, strict=True))
        image, labels = cut([case], draw, plan)
        assert_allclose(image[0], padded[box], atol=1e-4)
        assert_array_equal(labels, padded_labels[box])


def test_outside_the_case_there_is_nothing():
    case = case_of()
    image, labels = cut([case], draw_at((-3, 16, -2)))
    inside = cropped(case, slice(0, 5), slice(16, 18), slice(0, 2))
    torch.testing.assert_close(image[:, 3:, :2, 2:], inside, rtol=0, atol=1e-4)
    for outside in (image[:, :3], image[:, :, 2:], image[..., :2], labels[:3]):
        assert outside.abs().max() < 1e-4


def test_beside_a_single_slice_there_is_nothing():
    case = case_of()
    flat = replace(
        case, image=image_of(case)[..., 5:6], labels=labels_of(case)[..., 5:6]
    )
    image, labels = cut([flat], draw_at((3, 5, -2)))
    plane = cropped(case, slice(3, 11), slice(5, 11), slice(5, 6))[..., 0]
    torch.testing.assert_close(image[..., 2], plane, rtol=0, atol=1e-4)
    assert_array_equal(labels[..., 2], labels_of(case)[3:11, 5:11, 5])
    assert image[..., [0, 1, 3]].abs().max() < 1e-4
    assert not labels[..., [0, 1, 3]].any()


def test_a_patch_far_outside_is_empty():
    image, labels = cut([case_of()], draw_at((500, -300, 0)))
    assert not image.any()
    assert not labels.any()


def test_mirroring_turns_left_to_right():
    case = case_of()
    image, labels = cut([case], draw_at((3, 5, 7)))
    mirrored, mirrored_labels = cut(
        [case], draw_at((3, 5, 7), np.diag([-1.0, 1.0, 1.0]))
    )
    torch.testing.assert_close(mirrored, image.flip(1), rtol=0, atol=1e-4)
    assert torch.equal(mirrored_labels, labels.flip(0))


def test_a_deformed_patch_is_what_scipy_interpolates():
    case = case_of()
    angle = np.deg2rad(25)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin, 0.1], [sin, cos, 0], [0, 0.2, 1.1]])
    draw = draw_at((4.3, 5.2, 6.4), matrix)
    offsets = np.moveaxis(np.indices(PATCH), 0, -1) - (np.array(PATCH) - 1) / 2
    index = np.moveaxis(offsets @ matrix.T + draw.centre, -1, 0)
    wanted = map_coordinates(image_of(case)[0], index, order=1, mode="grid-constant")
    image, _ = cut([case], draw)
    assert_allclose(image[0], wanted, atol=1e-4)


def test_a_sphere_turned_in_millimetres_stays_a_sphere():
    spacing_mm = (1.0, 1.0, 2.0)
    plan = replace(TINY_PLAN, spacing_mm=spacing_mm, patch_shape=(32, 32, 16))
    geometry = Geometry.from_spacing((40, 40, 20), spacing_mm)
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
        deformation=Deformation(matrix=about_r * scale / scale[:, None]),
        appearance=UNCHANGED,
    )
    _, turned = cut([case], draw, plan)
    _, straight = cut([case], replace(draw, deformation=UNDEFORMED), plan)
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
        cut([case], draw_patch(counter_rng(0, n, 0), [case], PLAN))
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == numpy_state  # noqa: NPY002


def test_a_patch_drawn_twice_is_the_same():
    cases = [case_of(), case_of(seed=1)]
    for n in range(10):
        first, again = (
            cut(cases, draw_patch(counter_rng(7, n, 1), cases, PLAN)) for _ in range(2)
        )
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])


def test_a_plain_draw_is_not_deformed():
    case = case_of()
    for n in range(10):
        draw = plain_draw(counter_rng(0, n, 0), [case], PLAN)
        assert draw.deformation is UNDEFORMED
        assert draw.appearance == UNCHANGED


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
    indices = [int(case.labels[tuple(np.floor(c).astype(int))]) for c in centres]
    assert {1, 2} <= set(indices)
    assert indices.count(1) + indices.count(2) > 0.25 * len(centres)
    assert indices.count(2) == pytest.approx(indices.count(1), rel=0.5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_patches_centred_on_a_structure_can_be_chosen(share):
    labels = np.zeros((60, 60, 60), np.uint8)
    labels[30, 30, 30] = 1
    image = np.ones((60, 60, 60), np.float32)
    case = training_case("a", volume_of(image), segmentation_of(labels), PLAN)
    chances = Chances(foreground_share=share)
    centres = [
        draw_patch(counter_rng(0, n, 0), [case], PLAN, chances).centre
        for n in range(200)
    ]
    on_structure = sum((np.floor(centre) == 30).all() for centre in centres)
    assert on_structure == pytest.approx(200 * share, abs=25 if share == 0.25 else 0)


def test_patches_of_a_source_that_randomises_look_foreign():
    foreign = Chances(randomises_domain=True)
    plan = replace(PLAN, batch_size=16)
    source = PatchSource([case_of()], plan, seed=0, chances=foreign)
    drawn = source.batch(0).appearances
    assert any(each.remap_share > 0 for each in drawn)
    assert set(source.watched().appearances) == {UNCHANGED}


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
    image, labels = cut([case], draw_patch(counter_rng(0, 0, 0), [case], PLAN))
    assert image.shape == (1, *PATCH)
    assert labels.shape == PATCH


def test_the_place_of_a_patch_is_the_one_it_always_was():
    """So that trainings stay comparable from version to version."""
    case = case_of()
    draws = [draw_patch(counter_rng(5, 7, n), [case] * 3, PLAN) for n in range(4)]
    assert [draw.case for draw in draws] == DRAWN_CASES
    assert_allclose([draw.centre for draw in draws], DRAWN_CENTRES, atol=1e-6)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(workers):
    cases = [case_of(), case_of(seed=1)]
    source = PatchSource(cases, PLAN, seed=3, workers=workers)
    ahead = source.batches(first_step=2)
    for step in range(2, 8):
        assert is_same(next(ahead), source.batch(step))
    ahead.close()


def test_processes_that_share_a_step_draw_the_patches_that_one_would():
    cases = [case_of(), case_of(seed=1)]
    plan = replace(PLAN, batch_size=4)
    whole, _ = augmented(PatchSource(cases, plan, seed=1).batch(9), plan)
    parts = [
        augmented(PatchSource(cases, plan, seed=1, samples=part).batch(9), plan)[0]
        for part in (range(2), range(2, 4))
    ]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-4)


def test_a_case_that_cannot_be_read_ends_the_batches_with_its_error(tmp_path):
    gone = StoredVoxels(path=tmp_path / "gone.b2nd", shape=(1, 20, 18, 16))
    source = PatchSource([replace(case_of(), image=gone)], PLAN, seed=0, workers=2)
    with pytest.raises(UnusableInput, match="NOT_READABLE"):
        next(source.batches())


def test_watched_patches_are_always_the_same_and_as_the_scanner_made_them():
    cases = [case_of(), case_of(seed=1)]
    source = PatchSource(cases, PLAN, seed=3)
    watched = source.watched()
    assert is_same(watched, source.watched())
    assert set(watched.deformations) == {UNDEFORMED}
    assert set(watched.appearances) == {UNCHANGED}
    assert len(watched.image) == 8


def test_only_the_boxes_are_read():
    case = case_of(shape=(120, 110, 100))
    image = Counting(image_of(case))
    draw = draw_patch(counter_rng(0, 0, 0), [case], PLAN)
    raw_batch([replace(case, image=image)], [draw], PLAN)
    reach = draw.deformation.half_extent_voxels(PATCH)
    assert 0 < image.read <= np.prod(2 * reach + 5)


def test_patches_of_a_case_that_is_looked_at_in_part_are_centred_there():
    labels = np.full((60, 60, 60), 4, np.uint8)
    labels[10:14, 20:24, 30:34] = 0
    labels[12, 22, 32] = 1
    structures = LabelSet.from_names([(1, "liver"), (4, "ignored")])
    plan = replace(PLAN, labels=LabelSet.from_names([(1, "liver")]))
    case = training_case(
        "a",
        volume_of(np.ones(labels.shape, np.float32)),
        segmentation_of(labels, labels=structures),
        plan,
        ignore_id=4,
    )
    assert case.annotated is not None
    assert len(case.annotated) == 64
    for n in range(40):
        centre = plain_draw(counter_rng(0, n, 0), [case], plan).centre
        assert labels_of(case)[tuple(centre.astype(int))] != IGNORED
