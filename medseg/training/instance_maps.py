"""The instance numbers of a training case, checked against its labels."""

import numpy as np

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.panoptic import InstanceArray
from medseg.core.volume import Segmentation, require_same_grid
from medseg.io import read_segmentation
from medseg.training.cases import naming


def read_case_instances(
    case: Case, dataset: Dataset, reference: Segmentation
) -> InstanceArray | None:
    """Number of the thing at each voxel, 0 for none; None where nothing is counted.

    Args:
        case: Of the dataset.
        dataset: Names the things.
        reference: The case's label map.

    Raises:
        UnusableInput: When the numbers are missing, cannot be read, lie on another
            grid, or contradict the label map; the case is named.
    """
    if not dataset.things:
        return None
    if case.instances is None:
        raise _wrong(case, "there are no instance numbers of its things")
    with naming(case):
        numbered = read_segmentation(case.instances)
        require_same_grid(reference.geometry, numbered.geometry, where=case.id)
    numbers = numbered.array
    ids = [dataset.labels[name].id for name in dataset.things]
    is_thing = np.isin(reference.array, ids)
    if bool((is_thing & (numbers == 0)).any()):
        count = np.count_nonzero(is_thing & (numbers == 0))
        named = ", ".join(dataset.things)
        raise _wrong(case, f"{count} voxels of {named} have no instance number")
    if bool(((numbers > 0) & ~is_thing).any()):
        wrong = int(numbers[(numbers > 0) & ~is_thing][0])
        raise _wrong(case, f"instance {wrong} has voxels that are of no thing")
    _require_one_structure(case, numbers, reference)
    return numbers


def _require_one_structure(
    case: Case, numbers: InstanceArray, reference: Segmentation
) -> None:
    inside = numbers > 0
    if not inside.any():
        return
    label_of = np.zeros(int(numbers.max()) + 1, reference.array.dtype)
    label_of[numbers[inside]] = reference.array[inside]  # of some voxel of each
    differing = label_of[numbers[inside]] != reference.array[inside]
    if differing.any():
        wrong = int(numbers[inside][differing][0])
        raise _wrong(case, f"instance {wrong} has voxels of several structures")


def _wrong(case: Case, what: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_DATASET,
        f"case {case.id}: {what}",
        where=case.instances or case.id,
        remedy="Mend instancesTr: every voxel of a thing has the number of its "
        "instance, all others 0; or leave things out of dataset.json.",
    )
