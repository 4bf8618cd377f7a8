"""Training steps to be compared: MedSeg's own, and a plain one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice

import numpy as np
import torch
from torch import nn

from medseg.bench.gpu import CudaGauge, DeviceUse, use_of
from medseg.bench.memory import peak_mb
from medseg.bench.plain import with_plain_norms
from medseg.core.geometry import Shape3
from medseg.core.labels import LabelSet
from medseg.core.plan import (
    Architecture,
    IntensityStatistics,
    Normalisation,
    NormalisationKind,
    Plan,
)
from medseg.core.settings import Device, Loss, Precision, TrainingSettings
from medseg.inference import resolved_device
from medseg.networks import build_network, parameter_count, supervised
from medseg.training.augmentation import augmented
from medseg.training.cases import TrainingCase
from medseg.training.loop import new_state, training_steps
from medseg.training.loss import make_loss
from medseg.training.samples import PatchSource
from medseg.training.team import Team

_WITHOUT_END = 10**9
_MEASURED_STEPS = 2
_RESIDUAL_BLOCKS = (1, 3, 4, 6, 6)


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """One way to train.

    Attributes:
        name: What it is called in the table.
        plan: Of the network, its patch and its batch.
        settings: Of MedSeg's loop.
        is_plain: Whether it is the plain loop instead: 32-bit numbers, PyTorch's own
            instance norm and memory format, no compiler, SGD with deep supervision,
            and patches augmented beforehand at no cost.
    """

    name: str
    plan: Plan
    settings: TrainingSettings
    is_plain: bool = False

    @property
    def parameters(self) -> int:
        """Trainable numbers of its network."""
        return parameter_count(build_network(self.plan))

    def losses(self) -> Iterator[float]:
        """The loss of one step after the other, each done when it is asked for."""
        cases = [noise_case(self.plan)]
        source = PatchSource(cases, self.plan, seed=0)
        if self.is_plain:
            return _plain_losses(source, self.settings.device)
        state = new_state(self.plan, self.settings)
        # batches that wait are made once, so that threads cost no contender anything
        batches = cycle([source.batch(step) for step in range(4)])
        steps = training_steps(state, batches, self.plan, self.settings, Team())
        return (report.loss for report in steps)

    def steps(self, number: int) -> None:
        """Take so many steps."""
        for _ in islice(self.losses(), number):
            pass

    def use(self) -> DeviceUse:
        """Memory of a few steps, resident or the GPU's; busy share of a GPU."""
        device = resolved_device(self.settings.device)
        if device.type == "cuda":
            return use_of(self.losses, CudaGauge(device))
        edge = 3 * 2 ** (len(self.plan.widths) - 1)
        plan = replace(self.plan, patch_shape=(edge, edge, edge), batch_size=1)
        peak = peak_mb(
            partial(self.steps, _MEASURED_STEPS),
            warm_up=partial(replace(self, plan=plan).steps, 1),
        )
        return DeviceUse(peak_mb=peak)


def bench_plan(
    architecture: Architecture, widths: tuple[int, ...], patch: Shape3, batch: int
) -> Plan:
    """A plan for noise: isotropic voxels, one channel, two structures."""
    levels = len(widths)
    is_residual = architecture is Architecture.RESIDUAL_UNET
    statistics = IntensityStatistics(
        mean=0.0, sd=1.0, percentile_00_5=-1.0, percentile_99_5=1.0
    )
    how = Normalisation(kind=NormalisationKind.Z_SCORE, statistics=statistics)
    return Plan(
        channels=("MRI",),
        labels=LabelSet.from_names([(1, "organ"), (2, "lesion")]),
        architecture=architecture,
        spacing_mm=(1.0, 1.0, 1.0),
        patch_shape=patch,
        batch_size=batch,
        normalisation=(how,),
        widths=widths,
        blocks=_RESIDUAL_BLOCKS[:levels] if is_residual else (),
        kernels=((3, 3, 3),) * levels,
        strides=((1, 1, 1), *((2, 2, 2),) * (levels - 1)),
        mirror_axes=(0,),
    )


def bench_settings(*, device: Device, is_compiled: bool) -> TrainingSettings:
    """The settings of a training without end."""
    return TrainingSettings(
        device=device,
        compile=is_compiled,
        precision=Precision.AUTO,
        steps=_WITHOUT_END,
    )


def noise_case(plan: Plan) -> TrainingCase:
    """A case of noise, twice as long as the patch, with two boxes of structures."""
    i, j, k = (2 * edge for edge in plan.patch_shape)
    labels = np.zeros((i, j, k), np.uint8)
    labels[: i // 2, : j // 2, : k // 2] = 1
    labels[i // 2 :, j // 2 :, k // 2 :] = 2
    image = np.random.default_rng(0).normal(size=(1, i, j, k)).astype(np.float32)
    return TrainingCase(
        id="noise",
        sha256="",
        image=image,
        labels=labels,
        centres=tuple(np.argwhere(labels == label)[::97] for label in (1, 2)),
    )


def _plain_losses(source: PatchSource, device_name: Device) -> Iterator[float]:
    plan, device = source.plan, resolved_device(device_name)
    network = supervised(build_network(plan), plan, deep=True)
    with_plain_norms(network)
    network.to(device).train()
    optimiser = torch.optim.SGD(
        network.parameters(), 1e-2, momentum=0.99, nesterov=True, weight_decay=3e-5
    )
    loss = make_loss(plan, Loss.DICE_CE, device)
    batches = [augmented(source.batch(n).to(device), plan) for n in range(4)]
    for image, labels in cycle(batches):
        optimiser.zero_grad(set_to_none=True)
        value = loss.value(loss.sums(network(image.contiguous()), labels))
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 12.0)
        optimiser.step()
        yield float(value.detach())
