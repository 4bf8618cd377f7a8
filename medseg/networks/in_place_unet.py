"""U-Nets made of layers that write into memory they keep."""

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medseg.networks.in_place import (
    Features,
    FirstConvolution,
    InPlaceConvolution,
    InPlaceNorm,
    InstanceNorm,
    Workspace,
)
from medseg.networks.upsampled import SeparateUpsampling, UpsampledConvolution


class NormedConvolution(nn.Module):
    """Convolution, instance norm, which undoes the convolution's bias, and leaky ReLU.

    Args:
        convolution: Without its bias.
        norm: With the activation.
    """

    def __init__(self, convolution: InPlaceConvolution, norm: InPlaceNorm) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm

    @classmethod
    def of(
        cls,
        convolution: nn.Conv3d,
        norm: InstanceNorm,
        slope: float,
        dtype: torch.dtype,
    ) -> "NormedConvolution":
        """Of layers whose numbers are copied.

        Args:
            convolution: Without groups or dilation.
            norm: An affine instance norm.
            slope: Of the leaky ReLU; 1 is none.
            dtype: Number format of the weights kept.
        """
        is_first = FirstConvolution.suits(convolution)
        made = FirstConvolution if is_first else InPlaceConvolution.of
        return cls(made(convolution, dtype), InPlaceNorm(norm, slope))

    def forward(self, features: Tensor, workspace: Workspace) -> Tensor:
        """The result in a tensor taken from the workspace."""
        normed: Tensor = self.norm(self.convolution(features, workspace), workspace)
        return normed


class ResidualBlock(nn.Module):
    """Two convolutions beside a skip.

    Args:
        first: With its activation.
        second: Without.
        skip: Convolution of the skip, without activation, or the factors by which it
            is averaged.
        slope: Of the leaky ReLU of the sum.
    """

    def __init__(
        self,
        first: NormedConvolution,
        second: NormedConvolution,
        skip: NormedConvolution | Sequence[int],
        slope: float,
    ) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.skip = skip
        self._slope = slope

    def forward(self, features: Tensor, workspace: Workspace) -> Tensor:
        """The result in a tensor taken from the workspace."""
        inner = self.first(features, workspace)
        result: Tensor = self.second(inner, workspace)
        workspace.give_back(inner)
        if isinstance(self.skip, nn.Module):
            projected = self.skip(features, workspace)
            result += projected
            workspace.give_back(projected)
        elif max(self.skip) > 1:  # PyTorch 2.13 has no such pooling of bfloat16
            result += functional.avg_pool3d(features.float(), tuple(self.skip))
        else:
            result += features
        return functional.leaky_relu_(result, self._slope)


class Chain(nn.Module):
    """Parts one behind the other, each of which takes its result from the workspace."""

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, features: Features, workspace: Workspace) -> Features:
        """The result in a tensor taken from the workspace; the input without parts."""
        result = features
        for part in self.parts:
            given = result
            result = part(given, workspace)
            if given is not features:
                workspace.give_back(given)
        return result


class UpLevel(nn.Module):
    """Upsampling, and convolutions of it and the skip; nothing is concatenated.

    Args:
        upsample: Transposed convolution.
        first: Convolution of the upsampled features and the skip's behind them.
        norm: Its norm and activation.
        rest: What follows.
        dtype: Number format of the weights kept.
    """

    def __init__(
        self,
        upsample: nn.ConvTranspose3d,
        first: nn.Conv3d,
        norm: InPlaceNorm,
        rest: Chain,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.of_skip = InPlaceConvolution.of(first, dtype, behind=upsample.out_channels)
        self.of_coarse: UpsampledConvolution | SeparateUpsampling = (
            UpsampledConvolution(
                upsample, first, partial(InPlaceConvolution, dtype=dtype)
            )
            if UpsampledConvolution.suits(upsample, first)
            else SeparateUpsampling(upsample, first, dtype)
        )
        self.norm = norm
        self.rest = rest

    def forward(self, coarse: Tensor, skip: Tensor, workspace: Workspace) -> Tensor:
        """The result in a tensor taken; the inputs are given back."""
        first: Tensor = self.of_coarse(coarse, workspace)
        self.of_skip.add_to(first, skip)
        workspace.give_back(coarse, skip)
        self.norm(first, workspace)
        result: Tensor = self.rest(first, workspace)
        if result is not first:
            workspace.give_back(first)
        return result


class InPlaceUNet(nn.Module):
    """A U-Net whose features lie in memory kept from one call to the next.

    Not for several threads at once.

    Args:
        way_down: Levels, finest first; the coarsest is the bottleneck.
        way_up: Levels, coarsest first.
        head: Features of the finest level to logits.
        workspace: For the features.
    """

    def __init__(
        self,
        way_down: Iterable[Chain],
        way_up: Iterable[nn.Module],
        head: nn.Module,
        workspace: Workspace,
    ) -> None:
        super().__init__()
        self.way_down = nn.ModuleList(way_down)
        self.way_up = nn.ModuleList(way_up)
        self.head = head
        self._workspace = workspace

    @torch.no_grad()
    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        workspace = self._workspace
        workspace.start(image.shape)
        features = image.to(workspace.dtype)
        levels: list[Tensor] = []
        for stage in self.way_down:
            features = stage(features, workspace)
            levels.append(features)
        coarse = levels.pop()
        for level in self.way_up:
            coarse = level(coarse, levels.pop(), workspace)
        logits: Tensor = self.head(coarse)
        workspace.give_back(coarse)
        return logits

    def rest(self) -> None:
        """Free the memory kept, until the next image."""
        self._workspace.start(())
