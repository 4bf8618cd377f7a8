from pathlib import Path

import numpy as np
import pytest

from napari_medseg.opening.label_files import holds_label_map, is_named_as_label_map
from tests.plugin.scans import in_voxel_order, marker_labels, scan_of


@pytest.mark.parametrize(
    ("path", "is_named"),
    [
        ("case_01_seg.nii.gz", True),
        ("liver-mask.nrrd", True),
        ("Reference.nii", True),
        ("p1_gt.nii.gz", True),
        ("p1_manual.mha", True),
        ("labelsTr/liver_003.nii.gz", True),
        ("imagesTr/liver_003.nii.gz", False),
        ("segway_maskara.nii.gz", False),
        ("T1.nii.gz", False),
    ],
)
def test_words_of_the_name_or_folder_say_that_a_file_holds_labels(path, is_named):
    assert is_named_as_label_map(Path("/study") / path) is is_named


def test_medsegs_own_description_beside_a_file_says_it_too(tmp_path):
    path = tmp_path / "result.nii.gz"
    path.with_name("result.json").write_text('{"format": "medseg-segmentation"}')
    other = tmp_path / "bids.nii.gz"
    other.with_name("bids.json").write_text('{"Manufacturer": "Acme"}')

    assert is_named_as_label_map(path)
    assert not is_named_as_label_map(other)


def scan(values):
    return scan_of(*in_voxel_order(values), channel="MR")


@pytest.mark.parametrize("named", [True, False])
def test_labels_are_told_by_their_values(named):
    labels = marker_labels()

    volume = scan_of(labels.array, labels.geometry)

    assert holds_label_map(volume, named=named)


def test_labels_stored_as_floats_are_told_when_the_name_says_so():
    volume = scan(marker_labels().array.astype(np.float64))

    assert holds_label_map(volume, named=True)
    assert not holds_label_map(volume, named=False)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("largest", [255, 3000])
def test_a_scan_of_whole_numbers_is_not_taken_for_labels(named, largest):
    rng = np.random.default_rng(1)
    volume = scan(rng.integers(0, largest + 1, (20, 24, 14)).astype(np.uint16))

    assert not holds_label_map(volume, named=named)


def test_values_below_zero_or_between_whole_numbers_are_not_labels():
    labels = marker_labels().array

    assert not holds_label_map(scan(labels.astype(np.int16) - 1), named=True)
    assert not holds_label_map(scan(labels * 0.5), named=True)


def test_an_empty_label_map_is_one_when_its_name_says_so():
    empty = scan(np.zeros((4, 5, 6), np.uint8))

    assert holds_label_map(empty, named=True)
    assert not holds_label_map(empty, named=False)


def test_a_small_structure_far_from_every_border_is_enough():
    array = np.zeros((300, 20, 20), np.uint8)
    array[151:171, 8:12, 8:12] = 3

    assert holds_label_map(scan(array), named=False)


def test_real_references_are_told_from_real_scans(real_data):
    medseg = pytest.importorskip("medseg")
    case = "hippocampus_001.nii.gz"
    folder = real_data / "Task04_Hippocampus"
    image = medseg.read_volume(folder / "imagesTr" / case)
    reference = medseg.read_volume(folder / "labelsTr" / case)

    assert holds_label_map(reference, named=False)
    assert not holds_label_map(image, named=True)
