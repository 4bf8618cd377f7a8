"""A network run over a whole scan, window by window."""

from dataclasses import replace

import pytest
import torch
from monai.inferers.utils import sliding_window_inference
from torch import nn

from medseg import (
    Cancelled,
    Device,
    InferenceSettings,
    Precision,
    Progress,
    WrongUse,
)
from medseg.core.prepared import Prepared
from medseg.inference import predict_logits
from medseg.networks import build_network
from tests.core.making import TINY_PLAN, turned_geometry

PLAIN = InferenceSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, mirror=False
)


def prepared_of(*shape, seed=0) -> Prepared:
    generator = torch.Generator().manual_seed(seed)
    return Prepared(
        image=torch.randn(1, *shape, generator=generator).numpy(),
        source=turned_geometry(shape, (1.0, 1.0, 1.0)),
        axes=(0, 1, 2),
        flipped=(False, False, False),
        crop_start=(0, 0, 0),
        crop_shape=shape,
    )


def pointwise(seed=0) -> nn.Module:
    """A network that sees one voxel at a time: windows cannot matter to it."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv3d(1, 5, 1), nn.LeakyReLU(), nn.Conv3d(5, 3, 1))


def local(seed=0) -> nn.Module:
    """A network that sees its neighbours, and zeros outside a window."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 3, 1))


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shape", [(20, 13, 9), (16, 12, 8), (5, 30, 3), (1, 1, 1)])
def test_windows_and_mirroring_do_not_show(shape, mirror, overlap):
    network = pointwise()
    prepared = prepared_of(*shape)
    settings = replace(PLAIN, overlap=overlap, mirror=mirror)
    plan = replace(TINY_PLAN, mirror_axes=(0, 2))
    logits = predict_logits([network], prepared, plan, settings)
    with torch.no_grad():
        whole = network(torch.from_numpy(prepared.image)[None])[0]
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, whole, rtol=1e-5, atol=1e-5)


def test_monai_gives_the_same_for_the_same_windows():
    """Windows with a middle voxel, since MONAI does not scale others to a peak of 1."""
    plan = replace(TINY_PLAN, patch_shape=(15, 11, 7), strides=((1, 1, 1),) * 3)
    network = build_network(plan).eval()
    prepared = prepared_of(22, 16, 10)
    logits = predict_logits([network], prepared, plan, PLAIN)
    with torch.no_grad():
        theirs = sliding_window_inference(
            torch.from_numpy(prepared.image)[None],
            plan.patch_shape,
            sw_batch_size=1,
            predictor=network,
            overlap=0.5,
            mode="gaussian",
            sigma_scale=0.125,
        )
    torch.testing.assert_close(logits, theirs[0], rtol=1e-4, atol=1e-4)


def test_a_small_scan_is_in_the_middle_of_its_window_as_in_training():
    network = local()
    prepared = prepared_of(9, 12, 4)
    logits = predict_logits([network], prepared, TINY_PLAN, PLAIN)
    window = torch.zeros(1, 1, *TINY_PLAN.patch_shape)
    window[0, :, 3:12, :, 2:6] = torch.from_numpy(prepared.image)
    with torch.no_grad():
        expected = network(window)[0, :, 3:12, :, 2:6]
    torch.testing.assert_close(logits, expected)


def test_mirrored_copies_are_turned_back_before_they_are_averaged():
    network = local()
    prepared = prepared_of(*TINY_PLAN.patch_shape)
    image = torch.from_numpy(prepared.image)[None]
    settings = replace(PLAIN, mirror=True)
    logits = predict_logits([network], prepared, TINY_PLAN, settings)
    with torch.no_grad():
        expected = (network(image) + network(image.flip(2)).flip(2)) / 2
    torch.testing.assert_close(logits, expected[0])


def test_several_networks_are_averaged():
    networks = [local(seed) for seed in (1, 2, 3)]
    prepared = prepared_of(20, 14, 9)
    alone = [predict_logits([n], prepared, TINY_PLAN, PLAIN) for n in networks]
    together = predict_logits(networks, prepared, TINY_PLAN, PLAIN)
    torch.testing.assert_close(together, torch.stack(alone).mean(0))


def test_bfloat16_is_close_to_float32():
    torch.manual_seed(0)
    network = build_network(TINY_PLAN)
    prepared = prepared_of(20, 14, 9)
    exact = predict_logits([network], prepared, TINY_PLAN, PLAIN)
    rough = predict_logits(
        [network], prepared, TINY_PLAN, replace(PLAIN, precision=Precision.BFLOAT16)
    )
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, exact)
    assert (rough - exact).abs().mean() < 0.02 * exact.std()


def test_prediction_leaves_no_gradients_and_evaluates():
    network = pointwise().train()
    assert not predict_logits(
        [network], prepared_of(4, 4, 4), TINY_PLAN, PLAIN
    ).requires_grad
    assert not network.training


def test_progress_tells_of_every_window_and_the_last_is_the_total():
    heard: list[Progress] = []
    predict_logits(
        [pointwise()], prepared_of(32, 12, 12), TINY_PLAN, PLAIN, heard.append
    )
    assert [progress.done for progress in heard] == [1, 2, 3, 4, 5, 6]
    assert {progress.total for progress in heard} == {6}
    assert heard[-1].fraction == 1.0


def test_cancelling_stops_after_the_window_at_hand():
    seen = []

    def stop_at_the_second(progress):
        if progress.done == 2:
            raise Cancelled

    class Counted(nn.Module):
        def forward(self, window):
            seen.append(window.shape)
            return window.expand(-1, 3, -1, -1, -1)

    with pytest.raises(Cancelled):
        predict_logits(
            [Counted()], prepared_of(64, 12, 8), TINY_PLAN, PLAIN, stop_at_the_second
        )
    assert len(seen) == 2


def test_a_gpu_that_is_not_there_is_refused():
    settings = replace(PLAIN, device=Device("cuda:97"))
    with pytest.raises(WrongUse, match="cuda:97"):
        predict_logits([pointwise()], prepared_of(4, 4, 4), TINY_PLAN, settings)
