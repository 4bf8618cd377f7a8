from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Layer

import medseg
from napari_medseg.review.cohort import Measure
from napari_medseg.review.finding import read_cohort
from napari_medseg.review.folders import discover
from napari_medseg.review.loading import CaseCache, load_case, place_of_error
from tests.plugin.cohorts import write_cohort
from tests.plugin.scans import LABELS, in_voxel_order


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return read_cohort(discover(write_cohort(tmp_path_factory.mktemp("cohort"))))


def labels_of(array):
    values, geometry = in_voxel_order(array.astype(np.uint8))
    return medseg.Segmentation(array=values, geometry=geometry, labels=LABELS)


def index_of(place):
    """Voxel of a position (S, A, R) on the grid of `labels_of`."""
    assert place is not None
    _, geometry = in_voxel_order(np.zeros((6, 7, 8)))
    return geometry.to_index(place[::-1])


def test_a_case_is_read_into_layers(cohort):
    loaded = load_case(cohort, cohort.cases[0], Measure.DICE)

    (scan,) = (Layer.create(*made) for made in loaded.scan)
    assert loaded.reference is not None
    reference = Layer.create(*loaded.reference)
    assert scan.name == "c1"
    assert list(loaded.predictions) == ["good", "poor"]
    assert list(reference.features["structure"])[1:] == ["liver", "liver tumour"]
    assert loaded.warning == ""


def test_one_looks_first_where_the_structure_is_worst():
    truth = np.zeros((6, 7, 8))  # R, A, S
    truth[1:4, 1:4, 1:7] = 1
    made = truth.copy()
    made[3, 3, 4] = 0
    made[1:3, 1:4, 6] = 0

    place = place_of_error(labels_of(made), labels_of(truth), label=1)

    index = index_of(place)
    assert index[2] == pytest.approx(6)  # the slice with most wrong voxels
    assert made[tuple(np.round(index).astype(int))] == 0
    assert truth[tuple(np.round(index).astype(int))] == 1


def test_without_an_error_one_looks_at_the_largest_slice():
    array = np.zeros((6, 7, 8))
    array[1:3, 1:3, 2] = 1
    array[1:5, 1:5, 5] = 1

    for reference in (None, labels_of(array)):
        place = place_of_error(labels_of(array), reference, label=1)
        assert index_of(place)[2] == pytest.approx(5)
    assert place_of_error(labels_of(array), None, label=2) is None


def test_a_file_that_cannot_be_read_is_told_and_left_out(cohort, tmp_path):
    damaged = tmp_path / "c1.nii.gz"
    damaged.write_bytes(b"no label map")
    case = replace(cohort.cases[0], predictions={"good": damaged})

    loaded = load_case(cohort, case, Measure.DICE)

    assert loaded.predictions == {}
    assert len(loaded.scan) == 1
    assert loaded.warning


def test_a_case_without_any_readable_file_is_refused(cohort, tmp_path):
    absent = (tmp_path / "absent.nii.gz",)
    case = replace(cohort.cases[0], images=absent, reference=None, predictions={})

    with pytest.raises(medseg.UnusableInput, match="NOT_FOUND"):
        load_case(cohort, case, Measure.DICE)


def test_the_cache_keeps_the_last_three_cases_once(cohort):
    loaded = load_case(cohort, cohort.cases[0], Measure.DICE)
    cases = [replace(loaded.case, case_id=f"c{number}") for number in range(5)]
    cache = CaseCache()

    for case in cases:
        cache.add(replace(loaded, case=case))

    assert [case.case_id in cache for case in cases] == [False] * 2 + [True] * 3
    taken = cache.take("c4")
    assert taken is not None
    assert taken.case is cases[4]
    assert cache.take("c4") is None


def test_real_cases_are_read_with_the_datasets_names(real_data):
    cohort = read_cohort(discover(real_data / "Task04_Hippocampus"))

    loaded = load_case(cohort, cohort.cases[0], Measure.DICE)

    assert loaded.reference is not None
    assert cohort.labels is not None
    names = list(Layer.create(*loaded.reference).features["structure"])[1:]
    assert names == list(cohort.labels.names)
    assert loaded.place is not None
