"""The training loop."""

import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.plan import Plan
from medseg.core.settings import TrainingSettings
from medseg.inference import memory_format, place, resolved_device, resolved_dtype
from medseg.networks import build_network
from medseg.training.checkpoint import TrainingState
from medseg.training.loss import dice_cross_entropy, pseudo_dice
from medseg.training.samples import (
    PatchDraw,
    TrainingCase,
    counter_rng,
    cut_patch,
    draw_patch,
    plain_draw,
)

_LOGGER = logging.getLogger(__name__)
_WARM_UP_STEPS = 100
_DECAY_POWER = 0.9
_WEIGHT_DECAY = 1e-2
_LARGEST_GRADIENT_NORM = 12.0
_AVERAGE_DECAY = 0.99
_WATCHED_PATCHES = 8
_WATCHED_STEP = 2**40

LogitsFunction = Callable[[Tensor], Tensor]
LossFunction = Callable[[Tensor, Tensor], Tensor]
StepFunction = Callable[[Tensor, Tensor], float]


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step did.

    Attributes:
        step: Steps done, this one included.
        loss: Of this step's batch.
        mean_loss: Of the steps since the last line of the log.
        learning_rate: Of this step.
        seconds: Spent on steps in all.
    """

    step: int
    loss: float
    mean_loss: float
    learning_rate: float
    seconds: float


def new_state(plan: Plan, settings: TrainingSettings) -> TrainingState:
    """A fresh network, its average and its optimiser, from the settings' seed."""
    device = resolved_device(settings.device)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = place(build_network(plan), device).train()
    moving = get_ema_multi_avg_fn(_AVERAGE_DECAY)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=moving)
    optimiser = AdamW(
        network.parameters(), settings.peak_learning_rate, weight_decay=_WEIGHT_DECAY
    )
    return TrainingState(network=network, average=average, optimiser=optimiser)


def training_steps(
    state: TrainingState,
    cases: Sequence[TrainingCase],
    plan: Plan,
    settings: TrainingSettings,
) -> Iterator[StepReport]:
    """Train from the state's step to the last one, reporting after each.

    The state is consistent whenever a report has been given out.

    Raises:
        UnusableInput: DIVERGED when the loss is not a number.
    """
    loss_and_gradients = _loss_and_gradients(state.network, settings)
    while state.step < settings.steps:
        began = time.perf_counter()
        rate = learning_rate(state.step, settings)
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        draws = [
            draw_patch(counter_rng(settings.seed, state.step, n), cases, plan)
            for n in range(plan.batch_size)
        ]
        image, labels = _batch(draws, cases, plan, settings)
        loss = loss_and_gradients(image, labels)
        _require_finite(loss, state.step)
        nn.utils.clip_grad_norm_(state.network.parameters(), _LARGEST_GRADIENT_NORM)
        state.optimiser.step()
        state.average.update_parameters(state.network)
        state.step += 1
        state.loss_sum += loss
        state.loss_count += 1
        state.seconds += time.perf_counter() - began
        yield StepReport(
            step=state.step,
            loss=loss,
            mean_loss=state.loss_sum / state.loss_count,
            learning_rate=rate,
            seconds=state.seconds,
        )


def _require_finite(loss: float, step: int) -> None:
    if not math.isfinite(loss):
        raise UnusableInput(
            ErrorCode.DIVERGED,
            "the loss is not a number any more; the last checkpoint is kept",
            where=f"training step {step + 1}",
            remedy="Train into a new folder with a lower --learning-rate.",
        )


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up over 100 steps, times polynomial decay to 0 at the last step."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    remaining = 1 - step / settings.steps
    return float(settings.peak_learning_rate * warm * remaining**_DECAY_POWER)


@torch.no_grad()
def watched_dice(
    state: TrainingState,
    cases: Sequence[TrainingCase],
    plan: Plan,
    settings: TrainingSettings,
) -> tuple[float | None, ...]:
    """Dice of the averaged network on a few fixed patches (nnU-Net's pseudo-Dice)."""
    draws = [
        plain_draw(counter_rng(settings.seed, _WATCHED_STEP, n), cases, plan)
        for n in range(_WATCHED_PATCHES)
    ]
    image, labels = _batch(draws, cases, plan, settings)
    network = state.average.module.eval()
    with _autocast(settings):
        logits = torch.cat([network(patch) for patch in torch.split(image, 1)])
    return pseudo_dice(logits, labels)


def _batch(
    draws: Sequence[PatchDraw],
    cases: Sequence[TrainingCase],
    plan: Plan,
    settings: TrainingSettings,
) -> tuple[Tensor, Tensor]:
    device = resolved_device(settings.device)
    patches = [cut_patch(cases, draw, plan) for draw in draws]
    image = torch.stack([image for image, _ in patches]).to(device)
    labels = torch.stack([labels for _, labels in patches]).to(device)
    return image.contiguous(memory_format=memory_format(device)), labels


def _loss_and_gradients(network: nn.Module, settings: TrainingSettings) -> StepFunction:
    """Loss of a batch, its gradients left in the network.

    Compiled where a compiler is found and works, plain otherwise, with one log line.
    """

    def step_with(network_of: LogitsFunction, loss_of: LossFunction) -> StepFunction:
        def step(image: Tensor, labels: Tensor) -> float:
            network.zero_grad(set_to_none=True)
            with _autocast(settings):
                logits = network_of(image)
            loss = loss_of(logits, labels)
            loss.backward()  # type: ignore[no-untyped-call]
            return float(loss.detach())

        return step

    plain = step_with(network, dice_cross_entropy)
    if not settings.compile:
        return plain
    if shutil.which("g++") is None:
        _LOGGER.warning("no g++ found: training without torch.compile, about 3x slower")
        return plain
    compiled = step_with(
        torch.compile(network, dynamic=False),
        torch.compile(dice_cross_entropy, dynamic=False),
    )
    return _compiled_or_plain(compiled, plain)


def _compiled_or_plain(compiled: StepFunction, plain: StepFunction) -> StepFunction:
    """The compiled function, unless its first call fails."""
    chosen: list[StepFunction] = []

    def step(image: Tensor, labels: Tensor) -> float:
        if chosen:
            return chosen[0](image, labels)
        try:
            loss = compiled(image, labels)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            _LOGGER.warning("torch.compile failed, going on without it: %s", reason)
            chosen.append(plain)
            return plain(image, labels)
        chosen.append(compiled)
        return loss

    return step


def _autocast(settings: TrainingSettings) -> torch.autocast:
    device = resolved_device(settings.device)
    dtype = resolved_dtype(settings.precision, device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
