"""Scans and label maps as values."""

import numpy as np
import pytest

from medseg import ErrorCode, Geometry, LabelSet, Segmentation, UnusableInput
from medseg.core.volume import require_same_grid, voxels_of_labels
from tests.core.making import segmentation_of, volume_of

GEOMETRY = Geometry.from_spacing((2, 3, 4), (1.0, 2.0, 5.0))


def test_a_scan_cannot_be_written_to():
    volume = volume_of(np.zeros((2, 3, 4), np.int16), GEOMETRY)
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0, 0] = 1


def test_making_a_scan_copies_nothing_and_locks_nobody_out():
    array = np.zeros((1, 2, 3, 4), np.int16)
    assert np.shares_memory(volume_of(array, GEOMETRY).array, array)
    array[0, 0, 0, 0] = 1


def test_an_array_that_is_not_its_geometrys_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 5\)"):
        volume_of(np.zeros((2, 3, 5)), GEOMETRY)
    with pytest.raises(ValueError, match=r"\(2, 3, 5\)"):
        segmentation_of(np.zeros((2, 3, 5), np.uint8), GEOMETRY)


def test_every_channel_has_a_name():
    with pytest.raises(ValueError, match="2 channels but 1"):
        volume_of(np.zeros((2, 2, 3, 4)), GEOMETRY, channels=("T1",))


@pytest.mark.parametrize(("channels", "is_ct"), [(("CT",), True), (("MR",), False)])
def test_only_a_ct_is_in_hounsfield_units(channels, is_ct):
    volume = volume_of(np.zeros((2, 3, 4)), GEOMETRY, channels=channels)
    assert volume.is_ct is is_ct


def test_a_structure_has_the_volume_of_its_voxels():
    array = np.zeros((2, 3, 4), np.int64)
    array[:, 1, :3] = 4
    segmentation = segmentation_of(array, GEOMETRY)
    assert segmentation.array.dtype == np.uint8
    assert segmentation.mask("liver tumour").sum() == 6
    assert segmentation.volume_ml("liver tumour") == pytest.approx(0.06)
    assert segmentation.volume_ml("liver") == 0.0
    with pytest.raises(ValueError, match="read-only"):
        segmentation.array[0, 0, 0] = 1


def test_many_labels_take_two_bytes():
    labels = LabelSet.from_names([(300, "toe")])
    array = np.full((2, 3, 4), 300)
    segmentation = Segmentation(array=array, geometry=GEOMETRY, labels=labels)
    assert segmentation.array.dtype == np.uint16
    assert segmentation.mask("toe").all()


@pytest.mark.parametrize("number", [-1, 260])
def test_numbers_that_would_wrap_round_are_refused(number):
    with pytest.raises(ValueError, match="the label set ends at 4"):
        segmentation_of(np.full((2, 3, 4), number), GEOMETRY)


def test_different_grids_are_refused_with_their_distance():
    moved = Geometry.from_spacing((2, 3, 4), (1.0, 2.0, 5.0), (0.0, 0.0, 2.5))
    require_same_grid(GEOMETRY, GEOMETRY, where="case 1")
    with pytest.raises(UnusableInput, match=r"2\.5 mm apart") as caught:
        require_same_grid(GEOMETRY, moved, where="case 1")
    assert caught.value.code is ErrorCode.GRID_MISMATCH
    assert caught.value.where == "case 1"
    with pytest.raises(UnusableInput, match=r"\(2, 3, 4\) and \(2, 3, 5\)"):
        require_same_grid(
            GEOMETRY, GEOMETRY.cropped((0, 0, 0), (2, 3, 5)), where="case 1"
        )


@pytest.mark.parametrize("order", ["C", "F"])
def test_voxels_of_labels_are_counted_in_any_memory_order(order):
    rng = np.random.default_rng(0)
    array = np.asarray(rng.choice([0, 1, 7, 300], (70, 80, 90)), np.uint16, order=order)

    labels, counts = np.unique(array[array != 0], return_counts=True)

    assert voxels_of_labels(array) == dict(zip(labels, counts, strict=True))
    assert voxels_of_labels(array[::2, ::3]) == {
        label: int((array[::2, ::3] == label).sum()) for label in (1, 7, 300)
    }
    assert voxels_of_labels(array[:0]) == {}
