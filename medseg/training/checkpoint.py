"""Everything needed to go on with a training as if it had never stopped."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.safe_writing import written_whole
from medseg.networks import Supervised
from medseg.training.patience import Patience


@dataclass(kw_only=True)
class TrainingState:
    """What changes from step to step. Chance is not in it: it follows from the step.

    Attributes:
        supervised: The network being trained, with the heads of coarser levels.
        average: Moving average of the plain network, which is what is kept in the end.
        optimiser: Over the supervised network's parameters.
        step: Steps done.
        seconds: Time they took.
        loss_sum: Of the steps since the last line of the log.
        loss_count: How many those are.
        patience: Whether it still gets better.
    """

    supervised: Supervised
    average: AveragedModel
    optimiser: Optimizer
    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    patience: Patience = field(default_factory=Patience)

    @property
    def network(self) -> nn.Module:
        """The plain network being trained."""
        return self.supervised.network

    def end_interval(self, pseudo_dice: float | None) -> None:
        """Start to sum the loss anew, and be a little less patient, or more."""
        self.patience = self.patience.after(pseudo_dice)
        self.loss_sum, self.loss_count = 0.0, 0


@dataclass(frozen=True, kw_only=True)
class _Counters:
    step: int
    seconds: float
    loss_sum: float
    loss_count: int
    best_dice: float
    waited: int
    averaged: int
    recipe: dict[str, str]


def save_checkpoint(
    state: TrainingState, path: Path, recipe: Mapping[str, str]
) -> None:
    """Write the state whole, over an earlier one.

    Args:
        state: What to write.
        path: A `.safetensors` file.
        recipe: What a resumed run must have the same, name and value.
    """
    counters = _Counters(
        step=state.step,
        seconds=state.seconds,
        loss_sum=state.loss_sum,
        loss_count=state.loss_count,
        best_dice=state.patience.best,
        waited=state.patience.waited,
        averaged=int(state.average.n_averaged),
        recipe=dict(recipe),
    )
    tensors = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in (*_weights(state), *_moments(state))
    }
    content = save(tensors, metadata={"medseg": json.dumps(asdict(counters))})
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def load_checkpoint(
    state: TrainingState, path: Path, recipe: Mapping[str, str]
) -> None:
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
            raise _other_recipe(path, counters.recipe, recipe)
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


def _other_recipe(
    path: Path, then: Mapping[str, str], now: Mapping[str, str]
) -> WrongUse:
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    shown = [
        f"{name} {then.get(name)}, now {now.get(name)}"
        if _is_short(then, now, name)
        else f"another {name}"
        for name in differing
    ]
    return WrongUse(
        ErrorCode.OTHER_RECIPE,
        f"the checkpoint has {'; '.join(shown)}",
        where=path,
        remedy="Give the same dataset and options, or train into a new folder.",
    )


def _is_short(then: Mapping[str, str], now: Mapping[str, str], name: str) -> bool:
    """Whether both values are words, not hashes."""
    return max(len(then.get(name, "")), len(now.get(name, ""))) < 64


def _restore(
    state: TrainingState, tensors: dict[str, Tensor], counters: _Counters
) -> None:
    _restore_weights(state, tensors)
    _restore_moments(state, tensors)
    state.average.n_averaged.fill_(counters.averaged)
    state.step = counters.step
    state.seconds = counters.seconds
    state.loss_sum, state.loss_count = counters.loss_sum, counters.loss_count
    state.patience = Patience(best=counters.best_dice, waited=counters.waited)


def _weights(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of the network, its heads and its average by name."""
    for prefix, module in _modules(state):
        for name, tensor in module.state_dict().items():
            yield f"{prefix}.{name}", tensor


def _restore_weights(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    for name, tensor in _weights(state):
        if tensor.shape != tensors[name].shape:
            raise ValueError(f"{name} has another shape than the plan's")
        tensor.copy_(tensors[name])


def _modules(state: TrainingState) -> tuple[tuple[str, nn.Module], ...]:
    return ("network", state.supervised), ("average", state.average.module)


def _moments(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    """What the optimiser remembers of each parameter: `KIND/PARAMETER`."""
    for name, parameter in state.supervised.named_parameters():
        for kind, moment in state.optimiser.state.get(parameter, {}).items():
            if isinstance(moment, Tensor):
                yield f"{kind}/{name}", moment


def _restore_moments(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    parameters = dict(state.supervised.named_parameters())
    for key, stored in tensors.items():
        kind, slash, name = key.partition("/")
        if slash:
            parameter = parameters[name]
            moments = state.optimiser.state.setdefault(parameter, {})
            moments[kind] = _like(stored, parameter) if stored.ndim else stored


def _like(stored: Tensor, parameter: Tensor) -> Tensor:
    """Stored values in the memory layout and on the device of the parameter."""
    return torch.empty_like(parameter, requires_grad=False).copy_(stored)
