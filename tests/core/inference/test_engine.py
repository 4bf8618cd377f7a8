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
from medseg.inference import Runner
from medseg.inference.layout import windows_at_once
from medseg.networks import build_network
from tests.core.inference.streaming import predict_logits, prepared_of
from tests.core.making import TINY_PLAN

PLAIN = InferenceSettings(
    device=Device("cpu"), precision=Precision.FLOAT32, mirror=False
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
    settings = replace(PLAIN, overlap=overlap, mirror=mirror, skip_air=False)
    plan = replace(TINY_PLAN, mirror_axes=(0, 2))
    logits = predict_logits([network], prepared, plan, settings)
    with torch.no_grad():
        whole = network(torch.from_numpy(prepared.image)[None])[0]
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, whole, rtol=1e-5, atol=1e-5)


def test_a_last_batch_is_filled_up_for_no_u_net(monkeypatch):
    """Which needs no compiling anew; in 32 bits it needs no compiler either."""
    taken: list[int] = []
    original = Runner.logits

    def recorded(self, batch):
        taken.append(len(batch))
        return original(self, batch)

    monkeypatch.setattr(Runner, "logits", recorded)
    plan = replace(TINY_PLAN, patch_shape=(8, 8, 8))
    settings = replace(PLAIN, overlap=0.0, skip_air=False, compile=True)
    network = build_network(plan).eval()
    predict_logits([network], prepared_of(24, 8, 8), plan, settings)
    assert sum(taken) == 3


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


def test_prediction_leaves_no_gradients_and_the_network_alone():
    network = pointwise().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    logits = predict_logits([network], prepared_of(4, 4, 4), TINY_PLAN, PLAIN)
    assert not logits.requires_grad
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_progress_tells_of_every_window_and_the_last_is_the_total():
    heard: list[Progress] = []
    predict_logits(
        [pointwise()], prepared_of(32, 12, 12), TINY_PLAN, PLAIN, heard.append
    )
    assert [progress.done for progress in heard] == [1, 2, 3, 4, 5, 6]
    assert {progress.total for progress in heard} == {6}
    assert heard[-1].fraction == 1.0


def test_cancelling_stops_after_the_windows_at_hand():
    seen = []

    def stop_at_the_second(progress):
        if progress.done == 2:
            raise Cancelled

    class Counted(nn.Module):
        def forward(self, window):
            seen.extend(window)
            return window.expand(-1, 3, -1, -1, -1)

    scan = prepared_of(640, 12, 8)
    with pytest.raises(Cancelled):
        predict_logits([Counted()], scan, TINY_PLAN, PLAIN, stop_at_the_second)
    assert len(seen) == windows_at_once(TINY_PLAN.patch_shape, torch.device("cpu"))


def test_a_gpu_that_is_not_there_is_refused():
    settings = replace(PLAIN, device=Device("cuda:97"))
    with pytest.raises(WrongUse, match="cuda:97"):
        predict_logits([pointwise()], prepared_of(4, 4, 4), TINY_PLAN, settings)
