"""The lesions that the file of a label map numbers; knows no Qt."""

from pathlib import Path

import numpy as np

import medseg


def read_stored(file: Path, now: medseg.Segmentation) -> medseg.Panoptic | None:
    """The lesions in a file; None where the labels are others by now.

    Args:
        file: The label map.
        now: What was read from it, and may have been edited since.

    Raises:
        MedSegError: As `medseg.read_panoptic`.
    """
    read = medseg.read_panoptic(file)
    is_same = read.geometry.is_same_grid(now.geometry) and np.array_equal(
        read.segmentation.array, now.array
    )
    return read if is_same else None


def find_stored(
    file: Path | None, now: medseg.Segmentation
) -> tuple[medseg.Panoptic | None, str]:
    """The same, of a file that may number none, and why they cannot be read.

    A file whose lesions cannot be read is no reason to do without them: it is said.
    """
    if file is None or not file.exists():
        return None, ""
    try:
        return (read_stored(file, now) if medseg.holds_instances(file) else None), ""
    except medseg.MedSegError as error:
        return None, error.what


def as_stored(counted: medseg.Segmentation, file: Path | None) -> medseg.Panoptic:
    """The lesions as they are in the file, with numbers, names and confidences.

    Args:
        counted: The label map; what is counted are things.
        file: Where it was read from.

    Raises:
        WrongUse: INVALID_OPTION, where the labels are others by now, or something is
            counted that the file does not number.
        MedSegError: As `medseg.read_panoptic`.
    """
    stored = None if file is None else read_stored(file, counted)
    if stored is None:
        raise _refused(
            "the labels were edited or moved since they were read, so that the lesions "
            "stored are no longer theirs",
            counted.case_id if file is None else file,
            "Choose another method, or open the file again.",
        )
    if new := sorted(things_of(counted) - things_of(stored.segmentation)):
        names = ", ".join(each.name for each in counted.labels if each.id in new)
        raise _refused(
            f"the file does not number lesions of {names}",
            counted.case_id if file is None else file,
            f"Untick {names}, or choose another method.",
        )
    return with_lesions(counted, stored, stored.instance_map)


def with_lesions(
    counted: medseg.Segmentation, numbered: medseg.Panoptic, numbers: np.ndarray
) -> medseg.Panoptic:
    """The label map with the numbered lesions of what is counted.

    Args:
        counted: The label map.
        numbered: The lesions of more structures, perhaps.
        numbers: Its instance map, on the grid of the label map.
    """
    things = things_of(counted)
    kept = tuple(each for each in numbered.instances if each.structure_id in things)
    is_kept = np.isin(numbers, [each.number for each in kept])
    return medseg.Panoptic(
        segmentation=counted,
        instance_map=np.where(is_kept, numbers, 0),
        instances=kept,
        notes=numbered.notes,
    )


def things_of(segmentation: medseg.Segmentation) -> frozenset[int]:
    """The labels of what is counted."""
    thing = medseg.StructureKind.THING
    return frozenset(each.id for each in segmentation.labels if each.kind is thing)


def _refused(what: str, where: Path | str, remedy: str) -> medseg.WrongUse:
    code = medseg.ErrorCode.INVALID_OPTION
    return medseg.WrongUse(code, what, where=where, remedy=remedy)
