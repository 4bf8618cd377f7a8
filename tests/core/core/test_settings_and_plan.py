"""What the user and the data decide is checked once, when it is made."""

from dataclasses import fields, replace

import pytest

from medseg import Device, ErrorCode, InferenceSettings, TrainingSettings, WrongUse
from tests.core.making import LABELS, TINY_PLAN


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(WrongUse, match=r"auto, cpu or cuda:N") as caught:
        Device(name)
    assert caught.value.code is ErrorCode.NO_SUCH_DEVICE


def test_cuda_is_its_first_gpu():
    assert Device("cuda") == Device("cuda:0")
    assert str(Device("cuda")) == "cuda:0"


@pytest.mark.parametrize("overlap", [-0.1, 0.95, 1.0, float("nan")])
def test_an_impossible_overlap_is_refused(overlap):
    with pytest.raises(WrongUse, match="fraction"):
        InferenceSettings(overlap=overlap)


@pytest.mark.parametrize(
    "impossible",
    [
        {"steps": 0},
        {"checkpoint_every": 0},
        {"seed": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
        {"foreground_share": -0.5},
        {"foreground_share": 1.5},
    ],
)
def test_impossible_training_settings_are_refused(impossible):
    (value,) = impossible.values()
    with pytest.raises(WrongUse, match=str(value)) as caught:
        TrainingSettings(**impossible)
    assert caught.value.code is ErrorCode.INVALID_OPTION


@pytest.mark.parametrize("settings", [InferenceSettings, TrainingSettings])
def test_every_setting_has_a_help_text(settings):
    assert all(field.metadata["help"].endswith(".") for field in fields(settings))


def test_the_total_stride_is_the_product_of_the_levels():
    strides = ((1, 1, 1), (2, 2, 1), (2, 2, 2))
    assert replace(TINY_PLAN, strides=strides).total_stride == (4, 4, 2)


@pytest.mark.parametrize(
    ("impossible", "why"),
    [
        ({"widths": (4, 8)}, "one width"),
        ({"widths": (4, 8), "kernels": (), "strides": ()}, "one width"),
        (
            {
                name: getattr(TINY_PLAN, name)[:2]
                for name in ("widths", "kernels", "strides", "blocks")
            },
            "at least 3 levels",
        ),
        ({"channels": ()}, "normalisation a channel"),
        ({"channels": ("T1", "T2")}, "normalisation a channel"),
        ({"patch_shape": (16, 12, 10)}, "not a multiple"),
        ({"patch_shape": (16, 0, 8)}, "positive"),
        ({"batch_size": 0}, "positive"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "positive"),
        ({"spacing_mm": (1.0, float("nan"), 1.0)}, "positive"),
        ({"kernels": ((3, 3, 2),) * 3}, "odd"),
        ({"mirror_axes": (3,)}, "mirror axes"),
        ({"labels": type(LABELS)(())}, "structures"),
        (
            {"labels": type(LABELS).from_names((n, str(n)) for n in range(1, 257))},
            "structures",
        ),
    ],
)
def test_a_plan_no_network_can_follow_is_refused(impossible, why):
    with pytest.raises(ValueError, match=why):
        replace(TINY_PLAN, **impossible)
