"""A transposed convolution and the convolution after it, as one."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import islice, product
from math import prod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medseg.networks.in_place import InPlaceConvolution, Workspace, paddings
from medseg.networks.quantised import Quantised, QuantisedConvolution

Merged = InPlaceConvolution | QuantisedConvolution
_UNIT = (1, 1, 1)
_MOST_WORK = 2**30
"""Multiplications to merge two kernels, beyond which it takes as long as it saves."""


class UpsampledConvolution(nn.Module):
    """Convolution of the upsampled features, without making these.

    Of each coarse voxel's 2 x 2 x 2 fine ones, those at the same place see the same
    2 x 2 x 2 coarse voxels through a kernel of their own: 64 multiplications for each
    8 voxels and pair of channels, where 216 + 8 are asked for.

    Args:
        upsample: The transposed convolution, its kernel as large as its stride.
        convolution: The first of its input channels are those of the upsampled.
        make: Makes a convolution of its weights, stride and padding.
    """

    def __init__(
        self,
        upsample: nn.ConvTranspose3d,
        convolution: nn.Conv3d,
        make: Callable[[Tensor, Sequence[int], Sequence[int]], Merged],
    ) -> None:
        super().__init__()
        self._factors = tuple(upsample.stride)
        self._outputs = convolution.out_channels
        weight = convolution.weight.detach()[:, : upsample.out_channels].float()
        merged = _merged(upsample.weight.detach().float(), weight)
        padding = [int(edge > 1) for edge in merged.shape[2:]]
        self._offsets = tuple(edge == 2 for edge in merged.shape[2:])
        together = self._outputs * self._factors[2]  # more take more memory
        self.convolutions = nn.ModuleList(
            make(some, _UNIT, padding) for some in torch.split(merged, together)
        )
        self._bias: Tensor | None = None
        if upsample.bias is not None:
            bias = upsample.bias.detach().float()
            self._bias = torch.einsum("omijk,m->oijk", weight, bias)

    @staticmethod
    def suits(upsample: nn.ConvTranspose3d, convolution: nn.Conv3d) -> bool:
        """Whether the two can be merged, and quickly."""
        channels = upsample.in_channels, upsample.out_channels, convolution.out_channels
        return (
            prod(channels) * 6**3 <= _MOST_WORK
            and tuple(upsample.kernel_size) == tuple(upsample.stride)
            and {*upsample.stride} <= {1, 2}
            and not any((*upsample.padding, *upsample.output_padding))
            and {*convolution.kernel_size} <= {1, 3}
            and paddings(convolution) == tuple(n // 2 for n in convolution.kernel_size)
        )

    def forward(self, coarse: Tensor | Quantised, workspace: Workspace) -> Tensor:
        """The result, but for a constant of each channel, in a tensor taken."""
        batch, _, *sizes = coarse.shape
        fine = [n * factor for n, factor in zip(sizes, self._factors, strict=True)]
        result = workspace.take((batch, self._outputs, *fine))
        places = product(*(range(factor) for factor in self._factors))
        convolution: Any
        for convolution in self.convolutions:  # of the features' kind
            some = list(islice(places, self._factors[2]))
            for planes, merged in convolution.parts(coarse, workspace):
                each = zip(some, merged.split(self._outputs, 1), strict=True)
                for place, channels in each:
                    self._place(channels, planes, place, result)
        if self._bias is not None:
            for box, missing in _borders(self._bias, fine):
                result[:, :, *box] -= missing.to(result.dtype).view(1, -1, 1, 1, 1)
        return result

    def _place(
        self, channels: Tensor, planes: slice, place: tuple[int, ...], result: Tensor
    ) -> None:
        """Put what belongs to one of each coarse voxel's fine ones where it belongs.

        Args:
            channels: Some planes of what was convolved.
            planes: Which.
            place: Of the fine voxel in the coarse one.
            result: Where to put it.
        """
        sizes = (n // f for n, f in zip(result.shape[2:], self._factors, strict=True))
        shifts = [p * off for p, off in zip(place, self._offsets, strict=True)]
        spans = zip(shifts, sizes, strict=True)
        i, *others = (slice(shift, shift + n) for shift, n in spans)
        start, stop = max(i.start, planes.start), min(i.stop, planes.stop)
        if start >= stop:
            return
        step = self._factors[0]
        first = place[0] + step * (start - shifts[0])
        last = place[0] + step * (stop - 1 - shifts[0])
        axes = zip(place[1:], self._factors[1:], strict=True)
        to = (slice(first, last + 1, step), *(slice(p, None, f) for p, f in axes))
        inner = slice(start - planes.start, stop - planes.start)
        result[:, :, *to] = channels[:, :, inner, *others]


class SeparateUpsampling(nn.Module):
    """The same in two steps, for kernels that are not merged.

    Args:
        upsample: The transposed convolution.
        convolution: The first of its input channels are those of the upsampled.
        dtype: Number format of the weights kept.
    """

    def __init__(
        self, upsample: nn.ConvTranspose3d, convolution: nn.Conv3d, dtype: torch.dtype
    ) -> None:
        super().__init__()
        kept = deepcopy(upsample).requires_grad_(requires_grad=False)
        self.upsample = kept.to(dtype)
        laid_out = kept.weight.contiguous(memory_format=torch.channels_last_3d)
        self.upsample.weight.data = laid_out
        weight = convolution.weight[:, : upsample.out_channels]
        arguments = convolution.stride, paddings(convolution), dtype
        self.convolution = InPlaceConvolution(weight, *arguments)

    def forward(
        self, coarse: Float[Tensor, "batch channel i j k"], workspace: Workspace
    ) -> Tensor:
        """The result in a tensor taken from the workspace."""
        result: Tensor = self.convolution(self.upsample(coarse), workspace)
        return result


def _merged(
    upsample: Float[Tensor, "coarse fine i2 j2 k2"],
    kernel: Float[Tensor, "output fine i j k"],
) -> Float[Tensor, "places_outputs coarse i3 j3 k3"]:
    """Kernels upon the coarse features, those of each fine place together."""
    along = (
        _reached(edge, factor)
        for edge, factor in zip(kernel.shape[2:], upsample.shape[2:], strict=True)
    )
    i, j, k = (reached.to(kernel) for reached in along)
    pairs = torch.einsum("omtuv,nmxyz->ontuvxyz", kernel, upsample)
    merged = torch.einsum("ontuvxyz,aetx->onuvyzae", pairs, i)
    merged = torch.einsum("onuvyzae,bfuy->onvzaebf", merged, j)
    merged = torch.einsum("onvzaebf,cgvz->abconefg", merged, k)
    return merged.flatten(0, 3)


def _reached(edge: int, factor: int) -> Float[Tensor, "place coarse tap part"]:
    """1 where a tap of a fine place's kernel meets that part of that coarse voxel.

    A place of a pair sees itself and one neighbour: the one before for the first of
    the pair, the one behind for the second.
    """
    half = edge // 2
    result = torch.zeros(factor, (edge - 1) // factor + 1, edge, factor)
    for place in range(factor):
        first = (place - half) // factor
        for tap in range(edge):
            voxel, part = divmod(place + tap - half, factor)
            result[place, voxel - first, tap, part] = 1
    return result


def _borders(
    bias: Float[Tensor, "output i j k"], sizes: list[int]
) -> Iterator[tuple[tuple[slice, ...], Float[Tensor, " output"]]]:
    """Boxes at the border, and what the taps outside the image lack there."""
    choices = [_parts(n, edge) for n, edge in zip(sizes, bias.shape[1:], strict=True)]
    whole = bias.sum((1, 2, 3))
    for parts in product(*choices):
        box = tuple(part[0] for part in parts)
        taps = tuple(part[1] for part in parts)
        inside = bias[(slice(None), *taps)]
        if inside.numel() < bias.numel():
            yield box, whole - inside.sum((1, 2, 3))


def _parts(size: int, edge: int) -> list[tuple[slice, slice]]:
    """Voxels along an axis with the same taps inside the image, and these taps."""
    half = edge // 2
    if half == 0:
        return [(slice(None), slice(None))]
    if size == 1:
        return [(slice(0, 1), slice(1, 2))]
    inner = (slice(1, -1), slice(None))
    return [(slice(0, 1), slice(1, 3)), inner, (slice(size - 1, size), slice(0, 2))]
