"""Logits given row by row are those of sums as large as the scan."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medseg import Device, InferenceSettings, LabelSet, Precision, Progress
from medseg.core.regions import Region
from medseg.inference import Asked, stream_logits
from medseg.inference.accumulators import stretches
from medseg.preprocessing import LogitsSlab, restored
from tests.core.inference.streaming import (
    joined,
    predict_logits,
    prepared_of,
    whole_logits,
)
from tests.core.making import TINY_PLAN

EXACT = InferenceSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, skip_air=False
)
PLAN = replace(TINY_PLAN, mirror_axes=(0, 2))
REGIONS_PLAN = replace(
    PLAN,
    labels=LabelSet.from_names([(1, "oedema"), (2, "necrosis"), (7, "enhancing")]),
    regions=(
        Region(name="whole", ids=(1, 2, 7), painted_as=1),
        Region(name="core", ids=(2, 7), painted_as=2),
        Region(name="enhancing", ids=(7,), painted_as=7),
    ),
)


def networks_of(plan, count=1) -> list[nn.Module]:
    """Networks that see their neighbours, and whose answers differ between voxels."""
    torch.manual_seed(5)
    outputs = len(plan.output_names)
    return [
        nn.Sequential(
            nn.Conv3d(1, 8, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv3d(8, outputs, 3, padding=1, bias=False),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("plan", [PLAN, REGIONS_PLAN], ids=["labels", "regions"])
@pytest.mark.parametrize(
    ("shape", "crop_shape"),
    [
        ((16, 12, 8), (16, 12, 8)),
        ((9, 7, 5), (13, 7, 11)),
        ((37, 14, 11), (37, 14, 11)),
        ((17, 12, 29), (23, 15, 21)),
        ((19, 33, 9), (19, 40, 7)),
    ],
)
def test_streamed_labels_are_those_of_whole_volume_sums(
    shape, crop_shape, plan, mirror, members
):
    prepared = prepared_of(*shape, crop_shape=crop_shape)
    networks = networks_of(plan, members)
    settings = replace(EXACT, mirror=mirror)
    slabs = list(stream_logits(networks, prepared, plan, settings))
    whole = whole_logits(networks, prepared, plan, settings)
    torch.testing.assert_close(joined(slabs)[0], whole, rtol=1e-4, atol=1e-5)
    streamed = restored(slabs, prepared, plan).labels
    expected = restored([LogitsSlab.whole(whole)], prepared, plan).labels
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(streamed, expected)


def test_rows_are_finished_along_the_axis_that_leaves_least_unfinished():
    long = [(64, 12, 8), (16, 48, 8), (16, 12, 32)]
    for axis, shape in enumerate(long):
        prepared = prepared_of(*shape)
        slabs = stream_logits(networks_of(PLAN), prepared, PLAN, EXACT)
        assert {slab.axis for slab in slabs} == {axis}


def test_rows_are_given_as_soon_as_no_window_overlaps_them():
    heard: list[Progress] = []
    prepared = prepared_of(16 * 8, 12, 8)
    plan = replace(PLAN, patch_shape=(16, 48, 48))
    slabs = stream_logits(
        networks_of(plan), prepared, plan, EXACT, on_progress=heard.append
    )
    first = next(slabs)
    assert first.rows.start == 0
    assert 0 < len(heard) < heard[0].total


def test_each_networks_logits_are_given_when_they_are_asked_for():
    prepared = prepared_of(20, 14, 9)
    networks = networks_of(PLAN, 3)
    each = joined(stream_logits(networks, prepared, PLAN, EXACT, Asked(members=True)))
    assert len(each) == 3
    for network, logits in zip(networks, each, strict=True):
        alone = predict_logits([network], prepared, PLAN, EXACT)
        torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-6)
    mean = predict_logits(networks, prepared, PLAN, EXACT)
    torch.testing.assert_close(each.mean(0), mean, rtol=1e-4, atol=1e-5)


def test_each_mirrored_copys_logits_are_given_network_by_network():
    plan = replace(PLAN, mirror_axes=(0, 2))
    prepared, networks = prepared_of(20, 14, 9), networks_of(plan, 2)
    mirrored = replace(EXACT, mirror=True)
    asked = Asked(members=True, copies=True)
    each = joined(stream_logits(networks, prepared, plan, mirrored, asked))
    axes = [(), (0,), (2,), (0, 2)]
    assert len(each) == len(networks) * len(axes)
    alone = replace(EXACT, mirror=False)
    expected = [
        predict_logits([Turned(network, some)], prepared, plan, alone)
        for network in networks
        for some in axes
    ]
    torch.testing.assert_close(each, torch.stack(expected), rtol=1e-4, atol=1e-5)
    mean = predict_logits(networks, prepared, plan, mirrored)
    torch.testing.assert_close(each.mean(0), mean, rtol=1e-4, atol=1e-5)


class Turned(nn.Module):
    """A network that is shown everything turned round, and turns its answer back."""

    def __init__(self, network: nn.Module, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.dims = network, [axis + 2 for axis in axes]

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        turned: torch.Tensor = self.network(windows.flip(self.dims)).flip(self.dims)
        return turned


@pytest.mark.parametrize(
    ("first", "stop", "pieces"),
    [(0, 8, [(0, 8)]), (5, 13, [(5, 8), (8, 13)]), (8, 8, []), (3, 20, None)],
)
def test_rows_are_cut_where_the_ring_closes(first, stop, pieces):
    cut = [(rows.start, rows.stop) for rows in stretches(first, stop, 8)]
    if pieces is not None:
        assert cut == pieces
    assert [row for a, b in cut for row in range(a, b)] == list(range(first, stop))
    assert all(a // 8 == (b - 1) // 8 for a, b in cut)


def test_the_largest_weight_of_background_where_nothing_is_computed_is_certain():
    region = np.zeros((40, 12, 8), dtype=bool)
    region[:10] = True
    prepared = prepared_of(40, 12, 8)
    logits = predict_logits(
        networks_of(PLAN), prepared, PLAN, EXACT, asked=Asked(region=region)
    )
    outside = logits[:, ~torch.from_numpy(region)].softmax(0)
    assert math.isclose(float(outside[0].min()), 1, abs_tol=1e-6)
    everywhere = predict_logits(networks_of(PLAN), prepared, PLAN, EXACT)
    assert torch.equal(logits[:, :10], everywhere[:, :10])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux counts it")
def test_memory_does_not_grow_with_outputs_times_voxels():
    """60 outputs of 40 x 64 x 960 voxels are 590 MB; the rows of a window, 20."""
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURED],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    whole_mb = 4 * 60 * 40 * 64 * 960 / 1e6
    assert 0 < float(measured.stdout) < 0.5 * whole_mb


_MEASURED = """
from dataclasses import replace
from pathlib import Path
import re
import torch
from torch import nn
from medseg import Device, InferenceSettings, LabelSet, Precision
from medseg.inference import stream_logits
from medseg.preprocessing import restored
from tests.core.inference.streaming import prepared_of
from tests.core.making import TINY_PLAN

torch.set_num_threads(1)
labels = LabelSet.from_names((n, f"structure {n}") for n in range(1, 60))
plan = replace(TINY_PLAN, labels=labels, patch_shape=(32, 32, 32))
settings = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32,
                             overlap=0.0, mirror=False)
network = nn.Conv3d(1, 60, 1)

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def run(*shape):
    prepared = prepared_of(*shape)
    return restored(stream_logits([network], prepared, plan, settings), prepared, plan)

run(32, 32, 32)
before = peak()
run(40, 64, 960)
print((peak() - before) / 1e3)
"""
