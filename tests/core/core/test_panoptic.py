"""Label map and instances together: what is one, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg import Instance, Panoptic
from tests.core.making import LABELS, segmentation_of

LIVER, TUMOUR = 1, 4


def row(labels, instances, *listed: Instance) -> Panoptic:
    """A row of voxels."""
    return Panoptic(
        segmentation=segmentation_of(np.array(labels)[:, None, None]),
        instance_map=np.array(instances)[:, None, None],
        instances=listed,
    )


def tumour(number: int, confidence: float | None = None) -> Instance:
    return Instance(number=number, structure_id=TUMOUR, confidence=confidence)


def test_every_voxel_has_one_structure_and_one_lesion_at_most():
    found = row([0, 1, 4, 4, 4], [0, 0, 1, 1, 2], tumour(1, 0.5), tumour(2))
    assert [each.number for each in found.instances] == [1, 2]
    assert found.mask(found.instances[0]).sum() == 2
    assert found.mask(found.instances[1]).ravel().tolist() == [0, 0, 0, 0, 1]
    assert found.structure_of(found.instances[0]).name == "liver tumour"


def test_it_is_where_and_of_what_its_label_map_is():
    found = row([1, 4], [0, 7], tumour(7))
    assert found.geometry is found.segmentation.geometry
    assert found.labels is found.segmentation.labels
    assert found.case_id == found.segmentation.case_id


def test_instances_are_asked_for_by_structure_and_come_by_ascending_number():
    found = row([4, 4, 4], [9, 2, 5], tumour(9), tumour(2), tumour(5))
    assert [each.number for each in found.of_structure("liver tumour")] == [2, 5, 9]
    assert found.of_structure("liver") == ()
    with pytest.raises(KeyError, match="no structure 'heart'"):
        found.of_structure("heart")


def test_a_scan_without_lesions_has_no_instance():
    assert row([0, 1, 1], [0, 0, 0]).instances == ()


def test_the_instance_map_cannot_be_written_to():
    found = row([4], [1], tumour(1))
    assert found.instance_map.dtype == np.uint16
    with pytest.raises(ValueError, match="read-only"):
        found.instance_map[0, 0, 0] = 3


@pytest.mark.parametrize(
    ("labels", "instances", "listed", "what"),
    [
        ([4, 4], [1, 0], [1], "voxels of things have an instance"),
        ([4, 1], [1, 1], [1], "several structures"),
        ([4, 4], [1, 2], [1], "listed and instances in the map differ"),
        ([4, 4], [1, 1], [1, 2], "listed and instances in the map differ"),
        ([4, 4], [1, 1], [1, 1], "listed and instances in the map differ"),
        ([4, 4], [1, 65537], [1], "1 to 65535"),
        ([4, 4], [1, -65535], [1], "1 to 65535"),
    ],
)
def test_what_contradicts_itself_is_refused(labels, instances, listed, what):
    with pytest.raises(ValueError, match=what):
        row(labels, instances, *(tumour(number) for number in listed))


def test_the_highest_number_is_one_like_any_other():
    found = row([1, 4, 4, 4], [0, 65535, 1, 65535], tumour(1), tumour(65535))
    assert found.mask(found.instances[1]).sum() == 2
    with pytest.raises(ValueError, match="several structures"):
        row([4, 4, 1], [65535, 1, 65535], tumour(1), tumour(65535))


def test_stuff_has_no_instances():
    liver = Instance(number=1, structure_id=LIVER)
    with pytest.raises(ValueError, match="all others have none"):
        row([1, 4], [1, 2], liver, tumour(2))


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"instances are \(3, 1, 1\)"):
        row([1, 1], [0, 0, 0])


@pytest.mark.parametrize("number", [0, -1, 65536])
def test_an_impossible_number_is_refused(number):
    with pytest.raises(ValueError, match="1 to 65535"):
        tumour(number)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_an_impossible_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match="0 to 1"):
        tumour(1, confidence)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_any_numbering_of_the_voxels_of_things_is_one(numbers):
    """Instances from 1 on where the tumour is, none anywhere else."""
    labels = [TUMOUR if number else LIVER for number in numbers]
    listed = [tumour(number) for number in set(numbers) if number]
    found = row(labels, numbers, *listed)
    assert [each.number for each in found.instances] == sorted(set(numbers) - {0})
    total = sum(int(found.mask(each).sum()) for each in found.instances)
    assert total == found.segmentation.mask("liver tumour").sum()
    assert LABELS["liver tumour"].id == TUMOUR
