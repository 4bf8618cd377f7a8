"""Several models on one scan, their structures in one label map."""

from collections.abc import Iterable, Sequence

import numpy as np

from medseg.core.labels import LabelSet, Structure, standard_colour
from medseg.core.progress import ProgressCallback, ignore_progress, in_stage
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Segmentation, Volume
from medseg.models import TrainedModel
from medseg.pipeline.provenance import composed_provenance
from medseg.pipeline.ready import DEFAULT_SETTINGS, ReadyModel, Request
from medseg.pipeline.segmenting import segment


def segment_all(
    volume: Volume,
    models: Sequence[TrainedModel],
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
    region: Segmentation | None = None,
) -> Segmentation:
    """One label map of all the structures of several models.

    Where two models find something at one voxel, the later one counts.

    Args:
        volume: The scan, which every model must take.
        models: One or more.
        settings: As in `segment`.
        on_progress: As in `segment`; the stage names the model where there are several.
        region: As in `segment`.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    if not models:
        raise ValueError("a scan is segmented with one model at least")
    if len(models) == 1:
        return segment(volume, models[0], settings, on_progress, region)
    each = (ReadyModel(model, settings) for model in models)  # not all at once
    return segment_with_ready(volume, each, on_progress, region)


def segment_with_ready(
    volume: Volume,
    models: Iterable[ReadyModel],
    on_progress: ProgressCallback = ignore_progress,
    region: Segmentation | None = None,
) -> Segmentation:
    """As `segment_all`, of models that are ready for one scan after the other.

    Args:
        volume: As in `segment_all`.
        models: One or more.
        on_progress: As in `segment`; the stage names the model.
        region: As in `segment`.

    Raises:
        MedSegError: As `segment`.
        Cancelled: From `on_progress`.
    """
    request = Request(region=region)
    parts = []
    for each in models:
        told = in_stage(on_progress, each.model.info.name)
        parts.append(each.predict(volume, told, request).segmentation)
    return composed(parts)


def composed(parts: Sequence[Segmentation]) -> Segmentation:
    """Label maps of one scan in one; a later one covers an earlier one.

    Args:
        parts: On the same grid, with their provenance or without.
    """
    labels = composed_labels([part.labels for part in parts])
    largest = max(labels.ids, default=0)
    array = np.zeros(parts[0].array.shape, np.uint8 if largest < 256 else np.uint16)
    for part in parts:
        new_ids = np.zeros(max(part.labels.ids, default=0) + 1, array.dtype)
        for structure in part.labels:
            new_ids[structure.id] = labels[structure.name].id
        np.copyto(array, new_ids[part.array], where=part.array > 0)
    made = [part.provenance for part in parts if part.provenance is not None]
    return Segmentation(
        array=array,
        geometry=parts[0].geometry,
        labels=labels,
        case_id=parts[0].case_id,
        provenance=composed_provenance(made) if len(made) == len(parts) else None,
    )


def composed_labels(label_sets: Sequence[LabelSet]) -> LabelSet:
    """The structures of several label sets; the same name is the same structure.

    They keep their numbers where no two structures share one and no structure has two;
    otherwise all are numbered from 1, in order.
    """
    structures = [each for labels in label_sets for each in labels]
    named: dict[str, Structure] = {}
    for structure in structures:
        named.setdefault(structure.name, structure)
    numbers = {(structure.name, structure.id) for structure in structures}
    ids = {structure.id for structure in structures}
    if len(numbers) == len(ids) == len(named):
        return LabelSet(tuple(named.values()))
    return LabelSet(
        tuple(
            Structure(
                id=number,
                name=structure.name,
                colour=standard_colour(number),
                kind=structure.kind,
                snomed_ct=structure.snomed_ct,
            )
            for number, structure in enumerate(named.values(), start=1)
        )
    )
