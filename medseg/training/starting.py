"""Training that starts from the weights of an earlier model."""

import logging
from dataclasses import replace

import torch
from torch import nn

from medseg.core.case import Dataset
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Plan
from medseg.core.settings import TrainingSettings
from medseg.models import TrainedModel

_LOGGER = logging.getLogger(__name__)


def plan_from(
    model: TrainedModel, dataset: Dataset, settings: TrainingSettings
) -> Plan:
    """The model's plan for another dataset: its grid, patch, network, normalisation.

    Raises:
        WrongUse: CHANNEL_MISMATCH when the dataset has another number of channels;
            INVALID_OPTION when another kind of network is asked for.
    """
    plan = model.info.plan
    if len(plan.channels) != len(dataset.channels):
        raise WrongUse(
            ErrorCode.CHANNEL_MISMATCH,
            f"the model takes {', '.join(plan.channels)}; the dataset has "
            + ", ".join(dataset.channels),
            where="--from",
            remedy="Start from a model of the same channels, or from none.",
        )
    if settings.architecture not in (None, plan.architecture):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the model's network is a {plan.architecture}",
            where="--architecture",
            remedy="Leave it out: a training --from a model keeps its kind of network.",
        )
    names = [name.upper() for name in dataset.channels]
    if names != [name.upper() for name in plan.channels]:
        _LOGGER.warning(
            "the model takes %s, the dataset's channels are %s: taken in this order",
            ", ".join(plan.channels),
            ", ".join(dataset.channels),
        )
    return replace(
        plan,
        channels=dataset.channels,
        labels=dataset.labels,
        regions=dataset.regions,
        mirror_axes=() if dataset.labels.is_lateral else plan.mirror_axes,
        reasons=(("start", f"everything as in the model {model.info.name}"),),
    )


def start_from(network: nn.Module, model: TrainedModel) -> int:
    """Take over the weights of a model's first network where names and shapes agree.

    The output layer of other labels has another shape and stays as it was.

    Returns:
        How many tensors were taken over.
    """
    earlier = dict(model.networks[0].named_parameters())
    taken = 0
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in earlier and earlier[name].shape == parameter.shape:
                parameter.copy_(earlier[name])
                taken += 1
    return taken
