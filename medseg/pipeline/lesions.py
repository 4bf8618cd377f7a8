"""One model on one scan, its lesions told apart."""

from collections.abc import Sequence
from dataclasses import replace

from medseg.core.instance_settings import (
    Components,
    InstanceRules,
    LearnedCentres,
)
from medseg.core.labels import LabelSet
from medseg.core.panoptic import Panoptic
from medseg.core.plan import Plan
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.regions import Region
from medseg.core.settings import InferenceSettings
from medseg.core.uncertainty import carried_over, means_by_structure
from medseg.core.volume import Volume
from medseg.instances import (
    MeasuredInstances,
    measure_instances,
    require_splittable,
    separate_instances,
    with_confidence,
)
from medseg.models import TrainedModel
from medseg.pipeline.ready import DEFAULT_SETTINGS, Prediction, Request
from medseg.pipeline.segmenting import predict


def segment_instances(
    volume: Volume,
    model: TrainedModel,
    rules: InstanceRules | None = None,
    settings: InferenceSettings = DEFAULT_SETTINGS,
    on_progress: ProgressCallback = ignore_progress,
) -> Panoptic:
    """Label map of a scan with its lesions numbered.

    Args:
        volume: As in `segment`.
        model: As in `segment`.
        rules: How lesions are told apart; `own_rules` of the model when None.
        settings: As in `segment`.
        on_progress: As in `segment`, then as in `separate_instances`.

    Raises:
        MedSegError: As `segment` and `separate_instances`; WrongUse INVALID_OPTION for
            learned centres of a model without an instance head, or a watershed of
            intensities with one of several channels.
        Cancelled: From `on_progress`.
    """
    rules = own_rules(model.info.plan) if rules is None else rules
    require_splittable(rules, (model.info.plan,))
    request = Request(centres=rules.needs_centres)
    made = predict(volume, model, settings, on_progress, request)
    return separate_instances(
        made.segmentation, rules, volume, on_progress, made.centres
    )


def with_instances(
    prediction: Prediction,
    rules: InstanceRules,
    volume: Volume,
    on_progress: ProgressCallback = ignore_progress,
    regions: Sequence[Region] = (),
) -> tuple[Prediction, MeasuredInstances]:
    """The lesions of a model's answer, measured, and the answer that belongs to them.

    In that answer pieces that are too small are background. Where there are
    probabilities, lesions have confidences: of overlapping regions that of the region
    which is painted as the lesion's label.

    Args:
        prediction: Of a model, with its centres where the rules ask for them.
        rules: How lesions are told apart.
        volume: The scan.
        on_progress: As in `separate_instances`, then as in `measure_instances`.
        regions: Those that the model has learned, if it has.

    Raises:
        MedSegError: As `separate_instances`.
        Cancelled: From `on_progress`.
    """
    panoptic = separate_instances(
        prediction.segmentation, rules, volume, on_progress, prediction.centres
    )
    shares = prediction.probabilities
    if shares is not None:
        named = _named_by_label(shares, panoptic.labels, regions)
        panoptic = with_confidence(panoptic, named)
    measures = measure_instances(panoptic, volume, on_progress)
    left, unsure = panoptic.segmentation, prediction.structures
    if prediction.uncertainty is not None:  # small pieces are gone
        means = means_by_structure(left, prediction.uncertainty)
        unsure = carried_over(unsure, means)
    return (
        replace(prediction, segmentation=left, structures=unsure),
        MeasuredInstances(panoptic=panoptic, measures=measures),
    )


def own_rules(plan: Plan) -> InstanceRules:
    """By the centres that a model learned to see, where it did, else by touch."""
    learned = plan.head is not None
    return InstanceRules(split=LearnedCentres() if learned else Components())


def _named_by_label(
    probabilities: Volume, labels: LabelSet, regions: Sequence[Region]
) -> Volume:
    """Those of regions under the names of the labels that these are painted as."""
    if not regions:
        return probabilities
    names = {each.id: each.name for each in labels}
    channels = tuple(names[region.painted_as] for region in regions)
    return replace(probabilities, channels=channels)
