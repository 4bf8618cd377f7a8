"""Names for the numbers of a label map."""

from dataclasses import replace

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


def with_names_of(
    reference: medseg.Segmentation, prediction: medseg.Segmentation
) -> medseg.Segmentation:
    """The reference, its nameless labels called what the prediction calls them."""
    names = {structure.id: structure.name for structure in prediction.labels}
    taken = set(reference.labels.names)
    structures = tuple(
        replace(structure, name=names[structure.id])
        if is_nameless(structure) and names.get(structure.id, "") not in {"", *taken}
        else structure
        for structure in reference.labels
    )
    return replace(reference, labels=medseg.LabelSet(structures))


def disagreements(prediction: medseg.LabelSet, reference: medseg.LabelSet) -> list[str]:
    """Labels that mean one structure in one map and another in the other, in words."""
    names = {structure.id: structure for structure in prediction}
    return [
        f"label {truth.id} is {names[truth.id].name} in the prediction, "
        f"{truth.name} in the reference"
        for truth in reference
        if truth.id in names
        and not is_nameless(truth)
        and not is_nameless(names[truth.id])
        and truth.name.casefold() != names[truth.id].name.casefold()
    ]


def is_nameless(structure: medseg.Structure) -> bool:
    """Whether a structure has only its number for a name."""
    return structure.name == f"label {structure.id}"
