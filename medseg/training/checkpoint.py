"""Everything needed to go on with a training as if it had never stopped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.safe_writing import written_whole
from medseg.models import load_parameters


@dataclass(kw_only=True)
class TrainingState:
    """What changes from step to step. Chance is not in it: it follows from the step.

    Attributes:
        network: The network being trained.
        average: Its exponential moving average, which is what is kept in the end.
        optimiser: AdamW over the network's parameters.
        step: Steps done.
        seconds: Time they took.
        loss_sum: Of the steps since the last line of the log.
        loss_count: How many those are.
    """

    network: nn.Module
    average: AveragedModel
    optimiser: AdamW
    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0


@dataclass(frozen=True, kw_only=True)
class _Counters:
    step: int
    seconds: float
    loss_sum: float
    loss_count: int
    averaged: int
    recipe: str


def save_checkpoint(state: TrainingState, path: Path, recipe: str) -> None:
    """Write the state whole, over an earlier one.

    Args:
        state: What to write.
        path: A `.safetensors` file.
        recipe: Plan, settings and cases in words; a resumed run must have the same.
    """
    counters = _Counters(
        step=state.step,
        seconds=state.seconds,
        loss_sum=state.loss_sum,
        loss_count=state.loss_count,
        averaged=int(state.average.n_averaged),
        recipe=recipe,
    )
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in _tensors(state).items()
    }
    content = save(tensors, metadata={"medseg": json.dumps(asdict(counters))})
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def load_checkpoint(state: TrainingState, path: Path, recipe: str) -> None:
    """Put a written state into the one given.

    Raises:
        UnusableInput: DAMAGED_CHECKPOINT when the file cannot be read.
        WrongUse: OTHER_RECIPE when it belongs to another plan, settings or cases.
    """
    try:
        with safe_open(path, framework="pt") as file:
            counters = _Counters(**json.loads(file.metadata()["medseg"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if counters.recipe != recipe:
            raise _other_recipe(path)
        _restore(state, tensors, counters)
    except WrongUse:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
        raise UnusableInput(
            ErrorCode.DAMAGED_CHECKPOINT,
            f"cannot go on from this checkpoint: {error}",
            where=path,
            remedy="Train into a new folder.",
        ) from None


def _other_recipe(path: Path) -> WrongUse:
    return WrongUse(
        ErrorCode.OTHER_RECIPE,
        "the checkpoint belongs to other images, options or number format",
        where=path,
        remedy="Give the same dataset and options, or train into a new folder.",
    )


def _restore(
    state: TrainingState, tensors: dict[str, Tensor], counters: _Counters
) -> None:
    load_parameters(state.network, _with_prefix(tensors, "network."))
    load_parameters(state.average.module, _with_prefix(tensors, "average."))
    state.average.n_averaged.fill_(counters.averaged)
    for name, parameter in state.network.named_parameters():
        first = tensors.get(f"first_moment.{name}")
        if first is not None:
            state.optimiser.state[parameter] = {
                "step": torch.tensor(float(counters.step)),
                "exp_avg": _like(first, parameter),
                "exp_avg_sq": _like(tensors[f"second_moment.{name}"], parameter),
            }
    state.step = counters.step
    state.seconds = counters.seconds
    state.loss_sum, state.loss_count = counters.loss_sum, counters.loss_count


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    """Every tensor of the state by name, each parameter once."""
    found: dict[str, Tensor] = {}
    for name, parameter in state.network.named_parameters():
        found[f"network.{name}"] = parameter
        moments = state.optimiser.state.get(parameter)
        if moments:
            found[f"first_moment.{name}"] = moments["exp_avg"]
            found[f"second_moment.{name}"] = moments["exp_avg_sq"]
    for name, parameter in state.average.module.named_parameters():
        found[f"average.{name}"] = parameter
    return found


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _like(stored: Tensor, parameter: Tensor) -> Tensor:
    """Stored values in the memory layout and on the device of the parameter."""
    return torch.empty_like(parameter).copy_(stored)
