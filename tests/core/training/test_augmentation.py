"""Patches cut, deformed and recoloured a batch at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from medseg.core.plan import IGNORED
from medseg.training.appearance import UNCHANGED, Appearance, draw_appearance
from medseg.training.augmentation import augmented
from medseg.training.batch import RawBatch
from medseg.training.deformation import UNDEFORMED, Deformation, draw_deformation
from medseg.training.samples import counter_rng
from tests.core.making import TINY_PLAN

PATCH = TINY_PLAN.patch_shape
BOX = (31, 29, 27)


def batch_of(
    samples: list[int], *, box=BOX, deformation=None, appearance=None, channels=1
) -> RawBatch:
    """Samples known by number; their boxes may be larger than they need."""
    images, labels = [], []
    for sample in samples:
        rng = np.random.default_rng(sample)
        image = rng.normal(size=(channels, *BOX)).astype(np.float32)
        label = rng.integers(0, 3, BOX).astype(np.uint8)
        label[rng.random(BOX) < 0.1] = IGNORED
        margin = [(0, more - few) for more, few in zip(box, BOX, strict=True)]
        images.append(np.pad(image, [(0, 0), *margin]))
        labels.append(np.pad(label, margin))
    rngs = [counter_rng(3, 1, sample) for sample in samples]
    return RawBatch(
        image=torch.from_numpy(np.stack(images)),
        labels=torch.from_numpy(np.stack(labels)),
        centres=torch.tensor([[15.0, 14.0, 13.0]]).repeat(len(samples), 1),
        deformations=tuple(deformation or draw_deformation(r, TINY_PLAN) for r in rngs),
        appearances=tuple(appearance or draw_appearance(rng) for rng in rngs),
    )


def scipy_patch(voxels: np.ndarray, deformation: Deformation, order: int) -> np.ndarray:
    axes = [np.arange(n) - (n - 1) / 2 for n in PATCH]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"))
    index = np.tensordot(deformation.matrix, offsets, 1)
    index += np.array([15.0, 14.0, 13.0])[:, None, None, None]
    cut = ndimage.map_coordinates(
        voxels, index, order=order, mode="grid-constant", cval=0
    )
    return np.asarray(cut)


@pytest.mark.parametrize("number", range(5))
def test_patches_are_cut_as_scipy_cuts_them(number):
    drawn = draw_deformation(counter_rng(0, number, 0), TINY_PLAN)
    deformation = replace(drawn, bends=None)
    raw = batch_of([4], deformation=deformation, appearance=UNCHANGED)
    image, labels = augmented(raw, TINY_PLAN)
    expected = scipy_patch(raw.image[0, 0].numpy(), deformation, 1)
    np.testing.assert_allclose(image[0, 0].numpy(), expected, atol=2e-5)
    expected_labels = scipy_patch(raw.labels[0].numpy(), deformation, 0)
    assert np.mean(labels[0].numpy() != expected_labels) < 0.01


def test_an_undeformed_patch_on_whole_voxels_is_the_box_itself():
    raw = batch_of([0, 1], deformation=UNDEFORMED, appearance=UNCHANGED)
    raw = replace(raw, centres=torch.tensor([[15.5, 14.5, 12.5]] * 2))
    image, labels = augmented(raw, TINY_PLAN)
    box = (slice(8, 24), slice(9, 21), slice(9, 17))
    torch.testing.assert_close(image, raw.image[:, :, *box], rtol=0, atol=1e-4)
    assert torch.equal(labels, raw.labels[:, *box])
    assert (labels == IGNORED).any()


@settings(max_examples=25, deadline=None)
@given(companions=st.lists(st.integers(0, 40), max_size=3), place=st.integers(0, 3))
def test_a_sample_is_the_same_in_any_company(companions, place):
    """Also in a larger box, as a companion may need one."""
    alone = augmented(batch_of([99], channels=2), TINY_PLAN)
    samples = [*companions[:place], 99, *companions[place:]]
    box = tuple(edge + 3 * len(companions) for edge in BOX)
    together = augmented(batch_of(samples, box=box, channels=2), TINY_PLAN)
    n = samples.index(99)
    torch.testing.assert_close(together[0][n], alone[0][0], rtol=1e-4, atol=1e-4)
    assert (together[1][n] != alone[1][0]).float().mean() < 1e-3


def test_half_way_labels_do_not_depend_on_the_box():
    """The patch has even edges and a whole voxel for its centre: all are half-way."""
    small = batch_of([7], deformation=UNDEFORMED, appearance=UNCHANGED)
    moved = replace(
        small,
        labels=torch.nn.functional.pad(small.labels, [1, 0, 1, 0, 1, 0]),
        image=torch.nn.functional.pad(small.image, [1, 0, 1, 0, 1, 0]),
        centres=small.centres + 1,
    )
    (image, labels), (image_moved, labels_moved) = (
        augmented(raw, TINY_PLAN) for raw in (small, moved)
    )
    assert torch.equal(labels, labels_moved)
    torch.testing.assert_close(image, image_moved, rtol=0, atol=1e-5)


def test_augmentation_is_the_same_bit_by_bit_and_leaves_global_chance_alone():
    before = torch.random.get_rng_state()
    first = augmented(batch_of(list(range(6))), TINY_PLAN)
    again = augmented(batch_of(list(range(6))), TINY_PLAN)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_boxes_given_are_not_changed():
    raw = batch_of([0, 1, 2], appearance=Appearance(gain=2.0, gamma=1.2, noise_sd=1.0))
    image = raw.image.clone()
    augmented(raw, TINY_PLAN)
    assert torch.equal(raw.image, image)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_makes_the_same_patches_but_for_noise():
    raw = batch_of(list(range(8)))
    quiet = tuple(replace(a, noise_sd=0.0) for a in raw.appearances)
    raw = replace(raw, appearances=quiet)
    image, labels = augmented(raw, TINY_PLAN)
    on_gpu, labels_on_gpu = augmented(raw.to(torch.device("cuda:0")), TINY_PLAN)
    torch.testing.assert_close(on_gpu.cpu(), image, rtol=1e-3, atol=1e-3)
    assert (labels_on_gpu.cpu() != labels).float().mean() < 1e-3
