import csv
import io

import numpy as np
import pytest

import medseg

LABELS = medseg.LabelSet.from_names([(1, "liver"), (2, "liver tumour"), (5, "spleen")])


def label_map(array, spacing_mm=(2.0, 1.0, 0.5)):
    geometry = medseg.Geometry.from_spacing(array.shape, spacing_mm)
    return medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)


@pytest.fixture
def measured():
    array = np.zeros((20, 21, 22), np.uint8)
    array[2:12, 3:13, 4:14] = 1
    array[4, 5, 6] = 2
    array[5, 6, 7] = 2  # touches the first at a corner
    array[9, 9, 9] = 2
    return medseg.measure_structures(label_map(array))


def test_every_structure_is_measured_whether_it_is_there_or_not(measured):
    assert [each.structure.name for each in measured] == list(LABELS.names)
    assert [each.voxels for each in measured] == [997, 3, 0]
    assert [each.volume_ml for each in measured] == pytest.approx([0.997, 0.003, 0])


def test_lesions_are_counted_of_what_is_a_lesion(measured):
    assert [each.lesions for each in measured] == [None, 2, None]


def test_the_place_of_a_box_is_its_middle(measured):
    assert measured[0].inside in {(7, 8, 9), (6, 7, 8), (6, 8, 9), (6, 7, 9), (6, 8, 8)}
    assert measured[2].inside is None


def test_the_place_of_a_ring_lies_on_the_ring():
    grid = np.indices((3, 31, 31)) - np.array([1, 15, 15]).reshape(3, 1, 1, 1)
    distance = np.hypot(grid[1], grid[2])
    ring = ((distance > 9) & (distance < 12)).astype(np.uint8) * 5

    *_, spleen = medseg.measure_structures(label_map(ring))

    assert spleen.inside is not None
    assert ring[spleen.inside] == 5
    assert spleen.inside[0] == 1


def test_the_table_has_a_row_a_structure(measured):
    rows = list(csv.DictReader(io.StringIO(medseg.structures_csv(measured, "c1"))))

    assert [row["structure"] for row in rows] == list(LABELS.names)
    assert [row["lesions"] for row in rows] == ["", "2", ""]
    assert rows[1]["volume_ml"] == "0.003"
    assert rows[1]["kind"] == "thing"
