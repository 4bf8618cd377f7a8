"""How much a training step computes, and how fast a device could."""

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from medseg.bench.timings import StepArithmetic
from medseg.core.plan import Plan
from medseg.networks import build_network, supervised

_EDGE_ON_CPU = 1024
_EDGE_ON_GPU = 8192  # Some milliseconds, beside which a launch is nothing.
_REPEATS = 20


def step_arithmetic(plan: Plan, device: torch.device) -> StepArithmetic:
    """What a step of a plan's network computes, and the device's rate of doing so.

    Args:
        plan: Of the network, its patch and its batch.
        device: Whose rates to measure, in the threads that PyTorch has.
    """
    return StepArithmetic(
        gflop=step_gflop(plan),
        bfloat16_gflop_s=product_rate(torch.bfloat16, device),
        float32_gflop_s=product_rate(torch.float32, device),
    )


def step_gflop(plan: Plan) -> float:
    """Operations of the convolutions of a step, forward and backward, billions.

    A multiplication and the addition after it are two. Norms, activations, loss and
    optimiser are not counted. Nothing is computed for it.
    """
    with torch.device("meta"):
        network = supervised(build_network(plan), plan, deep=True)
        image = torch.empty(plan.batch_size, len(plan.channels), *plan.patch_shape)
    with FlopCounterMode(display=False) as counter:
        logits: tuple[Tensor, ...] = network(image)
        torch.stack([each.sum() for each in logits]).sum().backward()  # type: ignore[no-untyped-call]
    return float(counter.get_total_flops()) / 1e9


def product_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Billions of operations a second of the quickest of some products of matrices.

    A yardstick, no bound. In float32 a product is in full precision, as PyTorch
    computes it unless told otherwise; convolutions on a GPU may take TF32.
    """
    edge = _EDGE_ON_CPU if device.type == "cpu" else _EDGE_ON_GPU
    one, other = (torch.rand(edge, edge).to(device, dtype) for _ in range(2))
    seconds = [_seconds(lambda: one @ other, device) for _ in range(_REPEATS + 1)]
    return 2 * edge**3 / min(seconds[1:]) / 1e9


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
