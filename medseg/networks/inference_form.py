"""A network in the form that is quickest for inference."""

import logging
import shutil
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medseg.networks.abilities import can_write_in_place
from medseg.networks.channel_norm import ChannelNorm
from medseg.networks.fused_passes import fused_passes
from medseg.networks.in_place import Workspace
from medseg.networks.in_place_unet import InPlaceUNet
from medseg.networks.passes import Passes
from medseg.networks.rebuilding import (
    in_place_unet,
    quantised_unet,
    require_quantisable,
)

_LOGGER = logging.getLogger(__name__)


class PlainForm(nn.Module):
    """A copy of any network, cast and laid out once.

    Args:
        network: Not changed.
        device: Where it shall compute.
        dtype: Number format of weights and features.
    """

    def __init__(
        self, network: nn.Module, device: torch.device, dtype: torch.dtype
    ) -> None:
        super().__init__()
        is_cpu = device.type == "cpu"
        self._form = torch.channels_last_3d if is_cpu else torch.contiguous_format
        self._dtype = dtype
        copy = deepcopy(network).eval().requires_grad_(requires_grad=False)
        if is_cpu:
            copy = _with_channel_norms(copy)
        self.network = copy.to(device, dtype)
        for parameter in self.network.parameters():
            if parameter.ndim == 5:
                parameter.data = parameter.contiguous(memory_format=self._form)

    @torch.no_grad()
    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        given = image.to(self._dtype).contiguous(memory_format=self._form)
        logits: Tensor = self.network(given)
        return logits


class CompiledForm(nn.Module):
    """A form compiled at the first image of each shape, or as it is where that fails.

    Args:
        form: Any.
    """

    def __init__(self, form: nn.Module) -> None:
        super().__init__()
        self.form = form
        self._function = torch.compile(form, dynamic=False)
        self._proven: set[tuple[int, ...]] = set()
        self._refused: set[tuple[int, ...]] = set()

    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        shape = tuple(image.shape)
        logits: Tensor
        if shape in self._refused:
            logits = self.form(image)
            return logits
        try:
            logits = self._function(image)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            if shape in self._proven:
                raise
            reason = str(error).splitlines()[0]
            _LOGGER.warning("torch.compile failed, going on without it: %s", reason)
            logits = self.form(image)
            self._refused.add(shape)
        else:
            self._proven.add(shape)
        return logits


def inference_form(
    network: nn.Module, device: torch.device, dtype: torch.dtype, *, compiled: bool
) -> nn.Module:
    """A module that gives a network's logits in `dtype`, as quickly as may be.

    It takes images (batch, channel, i, j, k) of any number format and layout, needs no
    autocast, records no gradients, and is for one thread at a time. U-Nets on a CPU
    keep the memory of their features until they are given images of another shape.
    The numbers are copied: the given network may be trained on or thrown away.

    Args:
        network: As `build_network` made it; not changed.
        device: Where it shall compute.
        dtype: Number format of weights, features and logits; with int8, which
            `can_quantise` must allow, logits are in bfloat16.
        compiled: Compile it where that is quicker and there is a compiler. Of U-Nets
            on a CPU what is between the convolutions, in about a second, but nothing
            in float32; others by `torch.compile`, at the first call with each shape,
            which then takes up to some minutes.

    Raises:
        WrongUse: INVALID_OPTION for int8 and another network than a plain U-Net.
    """
    is_cpu = device.type == "cpu"
    rebuilt = _rebuilt(network, device, dtype, compiled=compiled) if is_cpu else None
    if rebuilt is not None:
        return rebuilt.eval()
    form = PlainForm(network, device, dtype).eval()
    if not compiled:
        return form
    if is_cpu and shutil.which("g++") is None:
        _LOGGER.warning("no g++ found: inference without torch.compile")
        return form
    return CompiledForm(form)


def _rebuilt(
    network: nn.Module, device: torch.device, dtype: torch.dtype, *, compiled: bool
) -> InPlaceUNet | None:
    """The form that U-Nets have on a CPU; None for other networks."""
    there = network if _is_on(network, device) else deepcopy(network).to(device)
    if dtype is torch.int8:
        require_quantisable(there)
        return quantised_unet(there, _passes(compiled=compiled))
    if not can_write_in_place(dtype):
        return None
    is_short = dtype is torch.bfloat16
    passes = _passes(compiled=compiled and is_short)
    made = in_place_unet(there, Workspace(dtype, passes))
    if made is not None and compiled and not is_short:
        _LOGGER.info("a U-Net in 32 bits on a CPU is as quick without a compiler")
    return made


def _passes(*, compiled: bool) -> Passes:
    return (fused_passes() if compiled else None) or Passes()


def _with_channel_norms(network: nn.Module) -> nn.Module:
    """Replace norms that are slow or inexact in channels-last memory."""
    for name, child in network.named_children():
        norm = ChannelNorm.of(child)
        if norm is None:
            _with_channel_norms(child)
        else:
            setattr(network, name, norm)
    return network


def _is_on(network: nn.Module, device: torch.device) -> bool:
    return all(
        parameter.device.type == device.type for parameter in network.parameters()
    )
