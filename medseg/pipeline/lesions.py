"""One model on one scan, its lesions told apart."""

from medseg.core.instance_settings import (
    Components,
    InstanceRules,
    LearnedCentres,
)
from medseg.core.panoptic import Panoptic
from medseg.core.plan import Plan
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.settings import InferenceSettings
from medseg.core.volume import Volume
from medseg.instances import tell_apart
from medseg.models import TrainedModel
from medseg.pipeline.ready import DEFAULT_SETTINGS, Request
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
        on_progress: As in `segment`, then as in `tell_apart`.

    Raises:
        MedSegError: As `segment` and `tell_apart`; WrongUse INVALID_OPTION for learned
            centres of a model without an instance head.
        Cancelled: From `on_progress`.
    """
    rules = own_rules(model.info.plan) if rules is None else rules
    request = Request(centres=isinstance(rules.split, LearnedCentres))
    made = predict(volume, model, settings, on_progress, request)
    return tell_apart(made.segmentation, rules, volume, on_progress, made.centres)


def own_rules(plan: Plan) -> InstanceRules:
    """By the centres that a model learned to see, where it did, else by touch."""
    learned = plan.head is not None
    return InstanceRules(split=LearnedCentres() if learned else Components())
