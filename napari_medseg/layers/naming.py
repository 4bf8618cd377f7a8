"""Names for the numbers of a label map."""

import numpy as np

import medseg

_LARGEST_LABEL = 65535


def with_every_label(
    labels: medseg.LabelSet | None, array: np.ndarray, where: str
) -> medseg.LabelSet:
    """The structures, and those of a label map that have only their number for a name.

    Args:
        labels: The named ones, if any.
        array: The label map.
        where: What it is called in a message.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP, for numbers that no label can have.
    """
    least, most = int(array.min(initial=0)), int(array.max(initial=0))
    if least < 0 or most > _LARGEST_LABEL:
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_A_LABEL_MAP,
            f"there is a label {least if least < 0 else most}",
            where=where,
            remedy=f"Use labels from 1 to {_LARGEST_LABEL}.",
        )
    named = labels.structures if labels is not None else ()
    known = {structure.id for structure in named}
    unnamed = medseg.LabelSet.from_names(
        (id_, f"label {id_}")
        for id_ in medseg.voxels_of_labels(array)
        if id_ not in known
    )
    return medseg.LabelSet((*named, *unnamed))
