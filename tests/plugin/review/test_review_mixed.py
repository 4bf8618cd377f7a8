from dataclasses import replace

import pytest

import medseg
from napari_medseg.review.cohort import Measure
from napari_medseg.review.finding import read_cohort
from napari_medseg.review.folders import CohortFolders, discover
from napari_medseg.review.loading import load_case
from tests.plugin.scans import marker_labels, marker_scan


def folder_of(tmp_path, *names):
    """A folder of small scans and, where the name says so, label maps."""
    for name in names:
        path = tmp_path / f"{name}.nii.gz"
        if {"seg", "mask", "gt"} & set(name.split("_")):
            medseg.write_segmentation(marker_labels(), path)
        else:
            medseg.write_volume(marker_scan(), path)
    return tmp_path


def test_scans_and_label_maps_in_one_folder_are_told_apart(tmp_path):
    root = folder_of(tmp_path, "p1_ct", "p1_seg", "p10_ct", "p10_seg", "p2_ct")

    cohort = read_cohort(discover(root))

    made = {
        case.case_id: [file.name for file in case.predictions.values()]
        for case in cohort.cases
    }
    assert made == {
        "p1_ct": ["p1_seg.nii.gz"],
        "p10_ct": ["p10_seg.nii.gz"],
        "p2_ct": [],
    }
    assert cohort.models == (root.name,)
    assert not cohort.can_be_compared


@pytest.mark.parametrize("word", ["gt", "truth", "manual", "reference"])
def test_a_word_for_a_reference_is_enough(tmp_path, word):
    medseg.write_volume(marker_scan(), tmp_path / "p1_ct.nii.gz")
    medseg.write_segmentation(marker_labels(), tmp_path / f"p1_{word}.nii.gz")

    (case,) = read_cohort(discover(tmp_path)).cases

    assert case.reference == tmp_path / f"p1_{word}.nii.gz"
    assert not case.predictions


def test_references_and_two_models_are_told_by_the_ends_of_their_names(tmp_path):
    names = "ct", "gt_mask", "a_seg", "b_seg"
    root = folder_of(tmp_path, *(f"{p}_{name}" for p in ("p1", "p2") for name in names))

    cohort = read_cohort(discover(root))

    assert cohort.models == ("a_seg", "b_seg")
    assert [case.case_id for case in cohort.cases] == ["p1_ct", "p2_ct"]
    assert cohort.cases[1].reference == root / "p2_gt_mask.nii.gz"
    assert cohort.can_be_compared


def test_where_names_leave_a_choice_the_grid_decides(tmp_path):
    root = folder_of(tmp_path, "example_ct")
    labels, scan = marker_labels(), marker_scan()
    half = labels.array[:, :, ::2]
    geometry = labels.geometry.with_shape(half.shape)
    low = replace(scan, array=scan.array[..., ::2], geometry=geometry)
    medseg.write_volume(low, root / "example_ct_low.nii.gz")
    coarse = replace(labels, array=half, geometry=geometry)
    medseg.write_segmentation(coarse, root / "example_seg.nii.gz")
    medseg.write_segmentation(labels, root / "example_seg_split.nii.gz")

    cohort = read_cohort(discover(root))

    fine, small = cohort.cases
    assert fine.predictions == {root.name: root / "example_seg_split.nii.gz"}
    assert small.predictions == {root.name: root / "example_seg.nii.gz"}


def test_a_folder_that_is_gone_is_told_in_one_line(tmp_path):
    gone = tmp_path / "gone"

    with pytest.raises(medseg.UnusableInput, match="NOT_FOUND"):
        read_cohort(CohortFolders(root=tmp_path, scans=gone, predictions=gone))


def test_shares_beside_label_maps_are_no_scans(tmp_path):
    root = folder_of(tmp_path, "p1_seg")
    medseg.write_volume(marker_scan(), root / "p1_seg.uncertainty.nii.gz")

    folders = discover(root)

    assert (folders.scans, folders.predictions) == (None, root)


@pytest.mark.slow
def test_the_real_folder_of_many_structures_opens(real_data):
    cohort = read_cohort(discover(real_data / "many_structures"))

    loaded = [load_case(cohort, case, Measure.DICE) for case in cohort.cases]

    assert [case.case_id for case in cohort.cases] == ["example_ct", "example_ct_sm"]
    for case in loaded:
        assert case.warning == ""
        (labels,) = case.predictions.values()
        assert labels[0].shape == case.scan[0][0].shape
        assert case.place is not None
