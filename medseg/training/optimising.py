"""How gradients become steps, and which weights are kept."""

import math
from typing import assert_never

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.settings import Optimiser, Schedule, TrainingSettings
from medseg.networks import encoder_parameters

_WARM_UP_STEPS = 100
_DECAY_POWER = 0.9
_ADAMW_WEIGHT_DECAY = 1e-2
_SGD_WEIGHT_DECAY = 3e-5
_SGD_MOMENTUM = 0.99
_AVERAGE_DECAY = 0.99


def make_optimiser(network: nn.Module, settings: TrainingSettings) -> Optimizer:
    """The optimiser over all parameters that are not frozen.

    SGD is as in nnU-Net: Nesterov momentum 0.99 and weight decay 3e-5.
    """
    learning = [p for p in network.parameters() if p.requires_grad]
    rate = settings.peak_learning_rate
    match settings.optimiser:
        case Optimiser.ADAMW:
            return AdamW(learning, rate, weight_decay=_ADAMW_WEIGHT_DECAY)
        case Optimiser.SGD:
            return SGD(
                learning,
                rate,
                momentum=_SGD_MOMENTUM,
                nesterov=True,
                weight_decay=_SGD_WEIGHT_DECAY,
            )
        case _:
            assert_never(settings.optimiser)


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up over 100 steps, times a decay that reaches 0 after the last."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    done = step / settings.steps
    match settings.schedule:
        case Schedule.POLYNOMIAL:
            decay = (1 - done) ** _DECAY_POWER
        case Schedule.COSINE:
            decay = (1 + math.cos(math.pi * done)) / 2
        case _:
            assert_never(settings.schedule)
    return float(settings.peak_learning_rate * warm * decay)


def set_learning_rate(optimiser: Optimizer, rate: float) -> None:
    """Use a learning rate from now on."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def moving_average(network: nn.Module) -> AveragedModel:
    """A copy of a network that follows it slowly: 0.99 of itself, 0.01 of the other."""
    moving = get_ema_multi_avg_fn(_AVERAGE_DECAY)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=moving)


def freeze_encoder(network: nn.Module) -> None:
    """Leave the way down of a network as it is: its parameters do not learn.

    Raises:
        WrongUse: INVALID_OPTION for a network without a way down.
    """
    names = encoder_parameters(network)
    if not names:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "this network has no way down that is known",
            where="--freeze-encoder",
            remedy="Leave it out.",
        )
    for name, parameter in network.named_parameters():
        if name in names:
            parameter.requires_grad = False


def clip_gradients(network: nn.Module, largest_norm: float = 12.0) -> torch.Tensor:
    """Scale all gradients down together to a largest norm; gives the norm before."""
    return nn.utils.clip_grad_norm_(network.parameters(), largest_norm)
