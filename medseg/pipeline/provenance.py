"""How a result was made, and what makes it doubtful."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from medseg.core.axes_in_words import stored_axes_in_words
from medseg.core.model_quality import ModelQuality
from medseg.core.plan import NormalisationKind, Plan, StoredAxes
from medseg.core.provenance import Provenance
from medseg.core.settings import InferenceSettings
from medseg.core.versions import package_versions
from medseg.core.volume import Segmentation, Volume
from medseg.models import TrainedModel


def provenance_of(
    segmentation: Segmentation,
    volume: Volume,
    model: TrainedModel,
    settings: InferenceSettings,
    region: Segmentation | None,
) -> Provenance:
    """What is to be known about a label map that a model made of a scan.

    Args:
        segmentation: The label map.
        volume: The scan.
        model: The model.
        settings: How it was run.
        region: The label map near which it looked; None where it looked everywhere.
    """
    notes = (
        *volume.notes,
        *_doubts_on_scan(volume, model.info.plan),
        *_notes_on_region(region, settings),
    )
    if not segmentation.array.any():
        notes += ("no structure was found",)
    return Provenance(
        case_id=volume.case_id,
        input_sha256=volume.sha256,
        model=model.info.name,
        model_sha256=model.sha256,
        versions=package_versions(),
        settings=tuple(
            (field.name, str(getattr(settings, field.name)))
            for field in fields(settings)
        ),
        notes=notes,
        is_trained_on=_has_seen(model, volume.sha256),
    )


def with_quality_notes(made: Provenance, quality: ModelQuality | None) -> Provenance:
    """The same, with what makes a predicted Dice doubtful.

    Args:
        made: Of a run that predicted its Dice.
        quality: The scores that did; None where there are none.
    """
    if quality is None or not (differing := quality.differing(made.settings)):
        return made
    note = f"the predicted Dice is that of other settings: {', '.join(differing)}"
    return replace(made, notes=(*made.notes, note))


def composed_provenance(parts: Sequence[Provenance]) -> Provenance:
    """Of a label map put together from those of several models.

    A note that not all of them have says whose it is.
    """
    shared = [note for note in parts[0].notes if all(note in p.notes for p in parts)]
    own = [
        f"{part.model}: {note}"
        for part in parts
        for note in part.notes
        if note not in shared
    ]
    hashes = "".join(part.model_sha256 for part in parts)
    return replace(
        parts[0],
        model=" + ".join(part.model for part in parts),
        model_sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        notes=(*shared, *own),
        is_trained_on=any(part.is_trained_on for part in parts),
    )


def _doubts_on_scan(volume: Volume, plan: Plan) -> Iterator[str]:
    """What makes it unsure that the scan is like those of the model."""
    if volume.channels == ("image",):
        yield f"the file names no modality: taken for {plan.channels[0]}"
    takes_ct = plan.normalisation[0].kind is NormalisationKind.CT
    if takes_ct and len(plan.channels) == 1 and volume.array.min() >= 0:
        yield "no value is below 0, as air is in Hounsfield units: is it a CT?"
    if isinstance(plan.axes, StoredAxes):
        yield stored_axes_in_words(volume.geometry.orientation)


def _notes_on_region(
    region: Segmentation | None, settings: InferenceSettings
) -> Iterator[str]:
    if region is None:
        return
    whose = region.provenance.model if region.provenance else "a region"
    if region.provenance is None and settings.margin_mm == 0 and region.array.any():
        yield "looked for only within a region that was given"
    elif region.array.any():
        yield f"looked for only within {settings.margin_mm:g} mm of what {whose} found"
    else:
        yield f"looked for nowhere, as {whose} found nothing"


def _has_seen(model: TrainedModel, image_sha256: str) -> bool:
    stages = (model, model.first_stage)
    return any(stage.info.training.has_seen(image_sha256) for stage in stages if stage)
