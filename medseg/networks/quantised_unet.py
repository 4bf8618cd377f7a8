"""U-Nets whose features are 8-bit integers."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medseg.networks.in_place import InPlaceConvolution, InPlaceNorm, Workspace
from medseg.networks.in_place_unet import Chain, InPlaceUNet
from medseg.networks.passes import Passes
from medseg.networks.quantised import (
    Quantised,
    QuantisedActivation,
    QuantisedConvolution,
    Statistics,
)
from medseg.networks.upsampled import SeparateUpsampling, UpsampledConvolution


class LastActivation(nn.Module):
    """The norm and activation before the head, which takes bfloat16.

    Args:
        norm: With the activation.
    """

    def __init__(self, norm: InPlaceNorm) -> None:
        super().__init__()
        self.norm = norm

    def statistics(self, workspace: Workspace) -> Statistics:
        """To be filled before."""
        return Statistics(workspace.passes)

    def forward(
        self, features: Tensor, statistics: Statistics, workspace: Workspace
    ) -> Tensor:
        """The features, overwritten."""
        activation = self.norm.activation(*statistics.mean_and_variance())
        workspace.passes.activate(features, activation)
        return features


class QuantisedLayer(nn.Module):
    """Convolution of 8-bit features, norm and activation.

    Args:
        convolution: Without its bias, which the norm undoes.
        activation: Of 8-bit features, or the last one.
    """

    def __init__(
        self,
        convolution: QuantisedConvolution,
        activation: QuantisedActivation | LastActivation,
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = activation

    def forward(self, features: Quantised, workspace: Workspace) -> Quantised | Tensor:
        """The result in a tensor taken from the workspace."""
        statistics = self.activation.statistics(workspace)
        convolved = self.convolution(features, statistics, workspace)
        result: Quantised | Tensor = self.activation(convolved, statistics, workspace)
        return result


class FirstLayer(nn.Module):
    """Convolution of the image, norm and activation.

    Args:
        convolution: Without its bias.
        activation: Of 8-bit features.
    """

    def __init__(
        self, convolution: InPlaceConvolution, activation: QuantisedActivation
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = activation

    def forward(self, image: Tensor, workspace: Workspace) -> Quantised:
        """The result in a tensor taken from the workspace."""
        convolved = self.convolution(image, workspace)
        statistics = self.activation.statistics(workspace)
        statistics.take_all(convolved)
        result: Quantised = self.activation(convolved, statistics, workspace)
        return result


class SeparateValues(nn.Module):
    """Upsampling in bfloat16, of levels of many channels and few voxels.

    Args:
        upsampling: With the convolution behind it.
    """

    def __init__(self, upsampling: SeparateUpsampling) -> None:
        super().__init__()
        self.upsampling = upsampling

    def forward(self, coarse: Quantised, workspace: Workspace) -> Tensor:
        """The result in a tensor taken from the workspace."""
        values = coarse.values(workspace.dtype)
        result: Tensor = self.upsampling(values, workspace)
        return result


class QuantisedUpLevel(nn.Module):
    """Upsampling, and convolutions of it and the skip; nothing is concatenated.

    Args:
        of_coarse: Upsampling and convolution of the coarser level's features.
        of_skip: Convolution of the skip.
        activation: Of their sum.
        rest: What follows.
    """

    def __init__(
        self,
        of_coarse: UpsampledConvolution | SeparateValues,
        of_skip: QuantisedConvolution,
        activation: QuantisedActivation | LastActivation,
        rest: Chain,
    ) -> None:
        super().__init__()
        self.of_coarse = of_coarse
        self.of_skip = of_skip
        self.activation = activation
        self.rest = rest

    def forward(
        self, coarse: Quantised, skip: Quantised, workspace: Workspace
    ) -> Quantised | Tensor:
        """The result in a tensor taken; the inputs are given back."""
        total = self.of_coarse(coarse, workspace)
        statistics = self.activation.statistics(workspace)
        self.of_skip.add_to(total, skip, statistics, workspace)
        workspace.give_back(coarse, skip)
        first = self.activation(total, statistics, workspace)
        result: Quantised | Tensor = self.rest(first, workspace)
        if result is not first:
            workspace.give_back(first)
        return result


class QuantisedUNet(InPlaceUNet):
    """A U-Net of such layers, one sample at a time.

    Args:
        way_down: Levels, finest first; the coarsest is the bottleneck.
        way_up: Levels, coarsest first.
        head: Features of the finest level to logits.
        passes: How features are gone through in between convolutions.
    """

    def __init__(
        self,
        way_down: Iterable[Chain],
        way_up: Iterable[QuantisedUpLevel],
        head: nn.Module,
        passes: Passes,
    ) -> None:
        super().__init__(way_down, way_up, head, Workspace(torch.bfloat16, passes))

    @torch.no_grad()
    def forward(
        self, image: Float[Tensor, "batch channel i j k"]
    ) -> Float[Tensor, "batch output i j k"]:
        """Logits of each voxel."""
        logits = [
            super(QuantisedUNet, self).forward(one) for one in torch.split(image, 1)
        ]
        return logits[0] if len(logits) == 1 else torch.cat(logits)
