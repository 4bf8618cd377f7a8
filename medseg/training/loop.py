"""The training loop."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step did.

    Attributes:
        step: Steps done, this one included.
        loss: Of this step's batch.
        learning_rate: Of this step.
        seconds: Spent on steps in all.
    """

    step: int
    loss: float
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
        network.parameters(), settings.learning_rate, weight_decay=_WEIGHT_DECAY
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
    """
    loss_of = _compiled_loss(state.network, settings)
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
        loss = loss_of(image, labels)
        state.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(state.network.parameters(), _LARGEST_GRADIENT_NORM)
        state.optimiser.step()
        state.average.update_parameters(state.network)
        state.step += 1
        state.seconds += time.perf_counter() - began
        yield StepReport(
            step=state.step,
            loss=float(loss.detach()),
            learning_rate=rate,
            seconds=state.seconds,
        )


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up over 100 steps, times polynomial decay to 0 at the last step."""
    warm = min(1.0, (step + 1) / _WARM_UP_STEPS)
    remaining = 1 - step / settings.steps
    return float(settings.learning_rate * warm * remaining**_DECAY_POWER)


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


def _compiled_loss(network: nn.Module, settings: TrainingSettings) -> LossFunction:
    """Loss of a batch: compiled where a compiler is found, plain otherwise."""

    def loss_with(network: LogitsFunction, criterion: LossFunction) -> LossFunction:
        def loss(image: Tensor, labels: Tensor) -> Tensor:
            with _autocast(settings):
                logits = network(image)
            return criterion(logits, labels)

        return loss

    plain = loss_with(network, dice_cross_entropy)
    if not settings.compile:
        return plain
    if shutil.which("g++") is None:
        _LOGGER.warning("no g++ found: training without torch.compile, about 3x slower")
        return plain
    compiled = loss_with(
        torch.compile(network, dynamic=False),
        torch.compile(dice_cross_entropy, dynamic=False),
    )
    return _falling_back(compiled, plain)


def _falling_back(compiled: LossFunction, plain: LossFunction) -> LossFunction:
    """The compiled function, until it fails; then the plain one, with one log line."""
    usable = [compiled, plain]

    def loss(image: Tensor, labels: Tensor) -> Tensor:
        try:
            return usable[0](image, labels)
        except RuntimeError as error:
            if len(usable) == 1:
                raise
            reason = str(error).splitlines()[0]
            _LOGGER.warning("torch.compile failed, going on without it: %s", reason)
            del usable[0]
            return plain(image, labels)

    return loss


def _autocast(settings: TrainingSettings) -> torch.autocast:
    device = resolved_device(settings.device)
    dtype = resolved_dtype(settings.precision, device)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
