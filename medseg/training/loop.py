"""The training loop."""

import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.instance_head import InstanceHead
from medseg.core.plan import IGNORED, Plan
from medseg.core.settings import TrainingSettings
from medseg.inference import memory_format, place, resolved_device, resolved_dtype
from medseg.networks import Supervised, build_network, quieten_head, supervised
from medseg.preprocessing import is_out_of_memory
from medseg.report.learning import WatchedPatch
from medseg.training.augmentation import augmented
from medseg.training.batch import RawBatch
from medseg.training.centre_loss import centre_loss, centre_sums
from medseg.training.centres import CentreTargets, learned_centres
from medseg.training.checkpoint import TrainingState
from medseg.training.loss import SegmentationLoss, make_loss
from medseg.training.memory import training_memory
from medseg.training.optimising import (
    clip_gradients,
    freeze_encoder,
    learning_rate,
    make_optimiser,
    moving_average,
    set_learning_rate,
)
from medseg.training.targets import (
    decided,
    dice_of,
    overlap_and_size,
    referenced,
)
from medseg.training.team import Team

_LOGGER = logging.getLogger(__name__)
_DRAWN_PATCHES = 3

NetworkFunction = Callable[[Tensor], tuple[Tensor, ...]]
SumsFunction = Callable[[tuple[Tensor, ...], Tensor], Tensor]
StepFunction = Callable[[Tensor, Tensor, CentreTargets | None], Tensor]


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


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How the averaged network does on a few fixed patches.

    Attributes:
        dice: Of each learned structure (nnU-Net's pseudo-Dice); None where there is
            none of it.
        patches: Some of them, to be drawn.
    """

    dice: tuple[float | None, ...]
    patches: tuple[WatchedPatch, ...]


def new_state(plan: Plan, settings: TrainingSettings) -> TrainingState:
    """A fresh network, its average and its optimiser, from the settings' seed."""
    device = resolved_device(settings.device)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        network = supervised(build_network(plan), plan, deep=settings.deep_supervision)
    quieten_head(network.network, plan)
    place(network, device).train()
    if settings.freeze_encoder:
        freeze_encoder(network.network)
    return TrainingState(
        supervised=network,
        average=moving_average(network.network),
        optimiser=make_optimiser(network, settings),
    )


def training_steps(
    state: TrainingState,
    batches: Iterable[RawBatch],
    plan: Plan,
    settings: TrainingSettings,
    team: Team,
) -> Iterator[StepReport]:
    """Train from the state's step to the last one, reporting after each.

    The state is consistent whenever a report has been given out. It ends early when
    the state's patience is over.

    Args:
        state: Changed as training goes.
        batches: That of the state's next step, that of the step after it ...
        plan: Of the network.
        settings: Of the training.
        team: The processes that each have a part of every batch.

    Raises:
        UnusableInput: DIVERGED when the loss is not a number; OUT_OF_MEMORY.
    """
    loss_and_gradients = _loss_and_gradients(state.supervised, plan, settings, team)
    following = iter(batches)
    while state.step < settings.steps:
        if state.patience.is_over(settings.early_stop):
            return
        began = time.perf_counter()
        rate = learning_rate(state.step, settings)
        set_learning_rate(state.optimiser, rate)
        with training_memory(f"training step {state.step + 1}"):
            batch = next(following).to(resolved_device(settings.device))
            image, labels = _on_device(batch, plan, settings)
            with _dropout_of(state.step, settings, team):
                loss = loss_and_gradients(image, labels, learned_centres(batch, plan))
            team.add_gradients(state.supervised)
            norm = clip_gradients(state.supervised)
            mean, norm_before = torch.stack([loss, norm]).tolist()
            _require_finite(mean + norm_before, state.step)
            state.optimiser.step()
            state.average.update_parameters(state.network)
        state.step += 1
        state.loss_sum += mean
        state.loss_count += 1
        state.seconds += time.perf_counter() - began
        yield StepReport(
            step=state.step,
            loss=mean,
            mean_loss=state.loss_sum / state.loss_count,
            learning_rate=rate,
            seconds=state.seconds,
        )


@contextmanager
def _dropout_of(step: int, settings: TrainingSettings, team: Team) -> Iterator[None]:
    """Let the network's own chance follow from seed, step and process alone.

    Imported networks may have dropout, which draws from PyTorch's global generators.
    """
    device = resolved_device(settings.device)
    with torch.random.fork_rng([] if device.type == "cpu" else [device]):
        words = np.random.SeedSequence((settings.seed, step, team.rank))
        torch.manual_seed(int(words.generate_state(1, np.uint64)[0] >> 1))
        yield


def _require_finite(number: float, step: int) -> None:
    if not math.isfinite(number):
        raise UnusableInput(
            ErrorCode.DIVERGED,
            "the loss is not a number any more; the last checkpoint is kept",
            where=f"training step {step + 1}",
            remedy="Train into a new folder with a lower --learning-rate.",
        )


@torch.no_grad()
def watch(
    state: TrainingState, batch: RawBatch, plan: Plan, settings: TrainingSettings
) -> Watched:
    """Let the averaged network segment a few fixed patches, one after the other.

    Raises:
        UnusableInput: OUT_OF_MEMORY.
    """
    with training_memory(f"pseudo-Dice after step {state.step}"):
        return _watched(state.average.module.eval(), batch, plan, settings)


def _watched(
    network: nn.Module, batch: RawBatch, plan: Plan, settings: TrainingSettings
) -> Watched:
    images, labels = _on_device(batch, plan, settings)
    counts: list[Tensor] = []
    patches: list[WatchedPatch] = []
    for image, label in zip(
        torch.split(images, 1), torch.split(labels, 1), strict=True
    ):
        with _autocast(settings):
            logits = network(image)[:, : len(plan.output_names)]
        prediction = decided(logits.float(), plan) & (label != IGNORED)[:, None]
        reference = referenced(label, plan)
        counts.append(overlap_and_size(prediction, reference))
        if len(patches) < _DRAWN_PATCHES:
            patches.append(
                WatchedPatch(
                    image=image[0, 0].float().cpu().numpy(),
                    reference=reference[0].cpu().numpy(),
                    prediction=prediction[0].cpu().numpy(),
                )
            )
    return Watched(dice=dice_of(torch.stack(counts).sum(0)), patches=tuple(patches))


@contextmanager
def reproducible(settings: TrainingSettings) -> Iterator[None]:
    """Deterministic algorithms for the block, where the settings ask for them.

    On a GPU, matrix products also need CUBLAS_WORKSPACE_CONFIG in the environment
    before the first of them; it is set where it is not.
    """
    if settings.deterministic:
        cublas = os.environ  # noqa: TID251 - cuBLAS is told in no other way
        cublas.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(before or settings.deterministic)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def _on_device(
    batch: RawBatch, plan: Plan, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    """Image and labels, augmented and in the memory format that is fast there."""
    device = resolved_device(settings.device)
    image, labels = augmented(batch.to(device), plan)
    return image.contiguous(memory_format=memory_format(device)), labels


def _loss_and_gradients(
    network: Supervised, plan: Plan, settings: TrainingSettings, team: Team
) -> StepFunction:
    """Loss of a batch, its gradients left in the network.

    Compiled where a compiler is found and works, plain otherwise, with one log line.
    """
    loss = make_loss(plan, settings.loss, resolved_device(settings.device))
    plain = _step(network, loss, settings, team, is_compiled=False)
    if not settings.is_compiled:
        return plain
    if shutil.which("g++") is None:
        _LOGGER.warning("no g++ found: training without torch.compile, about 3x slower")
        return plain
    _LOGGER.info("compiling the network: the first step takes longer")
    compiled = _step(network, loss, settings, team, is_compiled=True)
    return _compiled_or_plain(compiled, plain)


def _step(
    network: Supervised,
    loss: SegmentationLoss,
    settings: TrainingSettings,
    team: Team,
    *,
    is_compiled: bool,
) -> StepFunction:
    logits_of: NetworkFunction = network
    sums_of: SumsFunction = loss.sums
    if is_compiled:
        logits_of = torch.compile(network, dynamic=False)
        sums_of = torch.compile(loss.sums, dynamic=False)

    def step(image: Tensor, labels: Tensor, centres: CentreTargets | None) -> Tensor:
        network.zero_grad(set_to_none=True)
        with _autocast(settings):
            logits = logits_of(image)
        if centres is None:
            value = loss.value(team.summed(sums_of(logits, labels)))
        else:
            finest, *coarser = logits
            outputs = finest.shape[1] - InstanceHead.outputs
            own, of_head = finest.tensor_split((outputs,), 1)
            sums = centre_sums(of_head.float(), centres, labels)
            value = loss.value(team.summed(sums_of((own, *coarser), labels)))
            value = value + centre_loss(team.summed(sums))
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    return step


def _compiled_or_plain(compiled: StepFunction, plain: StepFunction) -> StepFunction:
    """The compiled function, unless its first call fails."""
    chosen: list[StepFunction] = []

    def step(image: Tensor, labels: Tensor, centres: CentreTargets | None) -> Tensor:
        if chosen:
            return chosen[0](image, labels, centres)
        try:
            loss = compiled(image, labels, centres)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            reason = str(error).splitlines()[0]
            _LOGGER.warning("torch.compile failed, going on without it: %s", reason)
            chosen.append(plain)
            return plain(image, labels, centres)
        chosen.append(compiled)
        return loss

    return step


def _autocast(settings: TrainingSettings) -> torch.autocast:
    device = resolved_device(settings.device)
    dtype = resolved_dtype(settings.precision, device, trains=True)
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
