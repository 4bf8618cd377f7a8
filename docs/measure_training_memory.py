"""Measures the memory of training steps and counts parameters, for docs/training.md.

    python docs/measure_training_memory.py

It prints the page's two tables, on Linux. Every peak is of a process of its own: of two
steps in 32 bits on the CPU, not compiled, beyond what the process held with the
weights, the optimiser's moments and the patches. `--only-parameters` leaves the
measurement out.
"""

import sys
from dataclasses import replace

from medseg.bench.memory import peak_mb
from medseg.bench.trainers import bench_plan, noise_case
from medseg.core.geometry import Shape3
from medseg.core.plan import TRAINED_ARCHITECTURES, Architecture, Plan
from medseg.core.settings import Device, Precision, TrainingSettings
from medseg.networks import build_network, parameter_count
from medseg.networks.sketches import sketching
from medseg.planning.budget import blocks_of, features_of
from medseg.training.batch import RawBatch
from medseg.training.loop import new_state, training_steps
from medseg.training.samples import PatchSource
from medseg.training.team import Team

UNETS: tuple[tuple[Shape3, int, tuple[int, ...]], ...] = (
    ((36, 52, 36), 4, (32, 64, 128)),
    ((72, 72, 64), 2, (16, 32, 64, 128)),
    ((64, 64, 64), 2, (32, 64, 128, 256, 320)),
)
NARROW = (16, 32, 64, 128)
WIDE = (32, 64, 128, 256, 320, 320)
PATCH, BATCH = (64, 64, 32), 2
SMALL_PATCH = 32, 32, 32
STEPS = 2
SETTINGS = TrainingSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, compile=False
)


class Training:
    """A training of one step on a small patch, then of some more on the real one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.batches: list[RawBatch] = []

    def begin(self) -> None:
        """Make everything that is not to be counted."""
        small = replace(self.plan, patch_shape=SMALL_PATCH, batch_size=1)
        self.state = new_state(self.plan, SETTINGS)
        self._take(small, batches_of(small, 1))
        self.batches = batches_of(self.plan, STEPS)

    def go_on(self) -> None:
        """Take the steps that are measured."""
        self._take(self.plan, self.batches)

    def _take(self, plan: Plan, batches: list[RawBatch]) -> None:
        steps = training_steps(self.state, batches, plan, SETTINGS, Team())
        for _ in batches:
            next(steps)


def batches_of(plan: Plan, number: int) -> list[RawBatch]:
    """Patches of noise."""
    source = PatchSource([noise_case(plan)], plan, seed=0)
    return [source.batch(step) for step in range(number)]


def plan_of(
    architecture: Architecture, widths: tuple[int, ...], patch: Shape3, batch: int
) -> Plan:
    """A plan for noise, with the blocks that `medseg plan` would choose."""
    unet = bench_plan(Architecture.UNET, widths, patch, batch)
    blocks = blocks_of(architecture, len(widths))
    return replace(unet, architecture=architecture, blocks=blocks)


def measured_mb(plan: Plan) -> float:
    """Peak of the steps of a plan."""
    training = Training(plan)
    peak = peak_mb(training.go_on, warm_up=training.begin)
    if peak is None:
        sys.exit("only Linux tells the peak of a process")
    return peak


def outputs_of(plan: Plan) -> float:
    """Numbers that the convolutions of one batch give out."""
    patch, strides = plan.patch_shape, plan.strides
    return plan.batch_size * features_of(plan.architecture, patch, strides, plan.widths)


def print_unets() -> None:
    """The table that the bytes an output follow from."""
    print("| patch x batch | widths | outputs, millions | peak MB | bytes an output |")
    print("|---|---|---|---|---|")
    for patch, batch, widths in UNETS:
        plan = plan_of(Architecture.UNET, widths, patch, batch)
        peak, outputs = measured_mb(plan), outputs_of(plan)
        print(
            f"| {' x '.join(map(str, (*patch, batch)))} | {widths[0]} to {widths[-1]} "
            f"| {outputs / 1e6:.0f} | {peak:,.0f} | {peak * 1e6 / outputs:.1f} |",
            flush=True,
        )


def print_networks(*, with_memory: bool) -> None:
    """Parameters of every network, and its peak over the U-Net's."""
    print("| `--architecture` | 4 levels | 6 levels | peak MB | memory |")
    print("|---|---|---|---|---|")
    first = None
    for architecture in TRAINED_ARCHITECTURES:
        narrow, wide = (
            plan_of(architecture, widths, PATCH, BATCH) for widths in (NARROW, WIDE)
        )
        with sketching():
            counts = [parameter_count(build_network(plan)) for plan in (narrow, wide)]
        peak = measured_mb(narrow) if with_memory else 0.0
        first = first or peak
        memory = f"{peak:,.0f} | {peak / first:.2g}" if with_memory else "- | -"
        cells = " | ".join(f"{count / 1e6:.3g} M" for count in counts)
        print(f"| `{architecture}` | {cells} | {memory} |", flush=True)


if __name__ == "__main__":
    is_quick = sys.argv[1:] == ["--only-parameters"]
    if not is_quick:
        print_unets()
        print()
    print_networks(with_memory=not is_quick)
