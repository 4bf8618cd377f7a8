"""Training that starts from the weights of an earlier model."""

import logging
from dataclasses import replace

import torch
from torch import nn

from medseg.core.case import Dataset
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.labels import LabelSet
from medseg.core.plan import Plan
from medseg.core.settings import TrainingSettings
from medseg.models import TrainedModel
from medseg.networks import build_network
from medseg.networks.monai_networks import ReorderedOutputs, with_outputs
from medseg.networks.sketches import sketching
from medseg.planning import mirroring
from medseg.training.optimising import freeze_encoder
from medseg.training.planning import with_choice, with_head, with_regions
from medseg.training.runs import PLANNING

_LOGGER = logging.getLogger(__name__)
_DEFAULT = TrainingSettings()


def plan_from(
    model: TrainedModel, dataset: Dataset, settings: TrainingSettings
) -> Plan:
    """The model's plan for another dataset: its grid, patch, network, normalisation.

    Batch size and mirroring are the user's where `settings` name them.

    Raises:
        WrongUse: CHANNEL_MISMATCH when the dataset has another number of channels;
            INVALID_OPTION when the model refines a coarser one's label map, another
            kind of network is asked for, or one from MONAI would have to tell things
            apart, or has no way down to freeze.
    """
    _require_startable(model, dataset, settings)
    plan = model.info.plan
    names = [name.upper() for name in dataset.channels]
    if names != [name.upper() for name in plan.channels]:
        _LOGGER.warning(
            "the model takes %s, the dataset's channels are %s: taken in this order",
            ", ".join(plan.channels),
            ", ".join(dataset.channels),
        )
    adapted = replace(
        plan,
        channels=dataset.channels,
        labels=dataset.labels,
        regions=(),
        head=None,
        reasons=(("start", f"everything as in the model {model.info.name}"),),
    )
    axes, why = mirroring(dataset.labels, settings)
    if plan.mirror_axes and not axes:
        adapted = with_choice(adapted, "mirror_axes", axes, why)
    if settings.batch_size is not None:
        adapted = with_choice(
            adapted, "batch_size", settings.batch_size, "as asked for"
        )
    made = with_head(with_regions(adapted, dataset.regions), dataset.things)
    if made.output_names != plan.output_names:
        made = with_outputs(made)
    if made.head is not None and made.monai_network is not None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "a network from a MONAI bundle learns no centres of things",
            where="--from",
            remedy='Leave "things" out of dataset.json, or start from another model.',
        )
    if settings.freeze_encoder:
        with sketching():
            freeze_encoder(build_network(made))
    return made


def _require_startable(
    model: TrainedModel, dataset: Dataset, settings: TrainingSettings
) -> None:
    """Refuse what is seen without a look at the cases.

    Raises:
        WrongUse: CHANNEL_MISMATCH; INVALID_OPTION.
    """
    if model.first_stage is not None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the model refines the label map of a coarser one, which training cannot",
            where="--from",
            remedy="Start from that coarser model (the folder "
            f"{model.info.first_stage} in its own), or from another.",
        )
    plan = model.info.plan
    if len(plan.channels) != len(dataset.channels):
        raise WrongUse(
            ErrorCode.CHANNEL_MISMATCH,
            f"the model takes {', '.join(plan.channels)}; the dataset has "
            + ", ".join(dataset.channels),
            where="--from",
            remedy="Start from a model of the same channels, or from none.",
        )
    for name in PLANNING:
        if getattr(settings, name) != getattr(_DEFAULT, name):
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                "a training --from a model keeps its plan",
                where=f"--{name.replace('_', '-')}",
                remedy="Leave it out, or start from no model.",
            )


def start_from(network: nn.Module, plan: Plan, model: TrainedModel) -> None:
    """Take over the weights of a model's first network.

    The output layer is taken over only where it has the same outputs by name.

    Args:
        network: Of the plan; changed.
        plan: From `plan_from`.
        model: The earlier one.
    """
    earlier = _by_name(model.networks[0])
    before = model.info.plan
    is_same = (plan.output_names, plan.head) == (before.output_names, before.head)
    new = set() if is_same else _output_layer(plan)
    with torch.no_grad():
        for name, parameter in _by_name(network).items():
            if name not in new:
                parameter.copy_(earlier[name])
    _LOGGER.info(
        "%d of %d weight tensors taken over from %s",
        len(earlier) - len(new),
        len(earlier),
        model.info.name,
    )


def _output_layer(plan: Plan) -> set[str]:
    """Names of the parameters whose shape follows from the number of outputs."""
    label = max(plan.labels.ids) + 1
    more = LabelSet.from_names([(label, "one more"), (label + 1, "and another")])
    other = LabelSet((*plan.labels, *more))
    plain = with_outputs(replace(plan, labels=other, regions=(), head=None))
    with sketching():
        one, two = (_by_name(build_network(each)) for each in (plan, plain))
    return {name for name in one if one[name].shape != two[name].shape}


def _by_name(network: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters by their name, whether or not the outputs are put in order."""
    inner = network.network if isinstance(network, ReorderedOutputs) else network
    return dict(inner.named_parameters())
