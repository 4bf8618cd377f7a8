"""Lesions as detections: how sure each is, and the box round it."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from medseg.core.box import Box
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.instance_boxes import InstanceBox, InstanceBoxes
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.volume import Volume, require_same_grid


def with_confidence(panoptic: Panoptic, probabilities: Volume) -> Panoptic:
    """The same lesions, each with the mean probability of its structure in it.

    Args:
        panoptic: From `separate_instances`.
        probabilities: A channel a structure, named as it; others may be among them.

    Raises:
        UnusableInput: GRID_MISMATCH; CHANNEL_MISMATCH, when a structure has none.
    """
    require_same_grid(panoptic.geometry, probabilities.geometry, where="probabilities")
    places = ndimage.find_objects(panoptic.instance_map)
    sure = []
    for instance in panoptic.instances:
        place = places[instance.number - 1]
        channel = _channel_of(panoptic.structure_of(instance).name, probabilities)
        inside = panoptic.instance_map[place] == instance.number
        mean = probabilities.array[channel][place][inside].mean(dtype=np.float64)
        confidence = float(np.clip(mean, 0, 1))
        sure.append(replace(instance, confidence=confidence))
    return replace(panoptic, instances=tuple(sure))


def instance_boxes(panoptic: Panoptic) -> InstanceBoxes:
    """The box round each lesion."""
    places = ndimage.find_objects(panoptic.instance_map)

    def boxed(instance: Instance) -> InstanceBox:
        structure = panoptic.structure_of(instance)
        return InstanceBox(
            number=instance.number,
            structure=structure.name,
            structure_id=structure.id,
            confidence=instance.confidence,
            box=Box.from_slices(places[instance.number - 1]),
        )

    return InstanceBoxes(
        case_id=panoptic.case_id,
        geometry=panoptic.geometry,
        boxes=tuple(boxed(each) for each in panoptic.instances),
    )


def _channel_of(structure: str, probabilities: Volume) -> int:
    if structure not in probabilities.channels:
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"there are no probabilities of {structure!r}, only of "
            + ", ".join(probabilities.channels),
            where="probabilities",
            remedy="Give those that belong to the label map.",
        )
    return probabilities.channels.index(structure)
