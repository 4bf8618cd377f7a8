"""What a training step computes; never by the clock."""

import torch
from torch import nn

from medseg import bench
from medseg.bench import arithmetic
from medseg.bench.arithmetic import step_gflop
from medseg.bench.trainers import bench_plan
from medseg.cli.bench_tables import arithmetic_lines
from medseg.core.plan import Architecture
from medseg.networks import build_network, supervised

PLAN = bench_plan(Architecture.UNET, (4, 8, 16), (12, 8, 16), 3)


def test_a_step_computes_each_convolution_thrice_but_no_gradient_of_the_image():
    """Forward, towards the input, and towards the weights: 2 operations a product."""
    network = supervised(build_network(PLAN), PLAN, deep=True)
    products: list[int] = []

    def count(convolution, inputs, output):
        grid = inputs[0] if isinstance(convolution, nn.ConvTranspose3d) else output
        products.append(grid[:, 0].numel() * convolution.weight.numel())

    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.register_forward_hook(count)
    network(torch.zeros(3, 1, 12, 8, 16))
    first, *others = products
    assert len(others) >= 10
    expected = 2 * (2 * first + 3 * sum(others)) / 1e9
    assert abs(step_gflop(PLAN) - expected) < 1e-12


def test_the_rate_is_operations_of_a_product_by_its_shortest_time(monkeypatch):
    """Two operations a multiplication of 1024 rows, columns and terms."""
    times = iter([9.0, *[0.5] * 10, 0.25, *[0.5] * 9] * 2)
    monkeypatch.setattr(arithmetic, "_seconds", lambda *_: next(times))
    for dtype in (torch.float32, torch.bfloat16):
        rate = arithmetic.product_rate(dtype, torch.device("cpu"))
        assert rate == 2 * 1024**3 / 0.25 / 1e9


def test_what_is_timed_is_a_product_of_two_squares(monkeypatch):
    made: list[torch.Tensor] = []

    def kept(work, device):
        made.append(work())
        return device.index or 1.0

    monkeypatch.setattr(arithmetic, "_seconds", kept)
    arithmetic.product_rate(torch.bfloat16, torch.device("cpu"))
    assert {(tuple(one.shape), one.dtype) for one in made} == {
        ((1024, 1024), torch.bfloat16)
    }


def test_the_lines_give_the_seconds_at_each_rate():
    made = bench.StepArithmetic(
        gflop=800.0, bfloat16_gflop_s=400.0, float32_gflop_s=160.0
    )
    first, second, third = arithmetic_lines(made).splitlines()
    assert "800 GFLOP" in first
    assert second == "in bfloat16, 400 GFLOP/s: 2 s"
    assert third == "in float32, 160 GFLOP/s: 5 s"
