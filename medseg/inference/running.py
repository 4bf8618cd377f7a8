"""Networks run over a few windows at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from medseg.core.plan import Plan
from medseg.core.settings import InferenceSettings
from medseg.inference.devices import memory_format, resolved_device, resolved_dtype
from medseg.inference.windows import gaussian_weights
from medseg.networks import inference_form


@dataclass(frozen=True, eq=False, kw_only=True)
class Runner:
    """Networks ready to be run on a device.

    Attributes:
        networks: In the form that is quickest there.
        device: Where.
        dtype: Number format of their arithmetic.
        mirrors: Dimensions of a batch that are flipped, one entry a copy.
        weights: Of each voxel of a window.
        keeps_members: Give each network's answer, not their mean.
    """

    networks: tuple[nn.Module, ...]
    device: torch.device
    dtype: torch.dtype
    mirrors: tuple[tuple[int, ...], ...]
    weights: Float32[Tensor, "i j k"]
    keeps_members: bool

    @classmethod
    def ready(
        cls,
        networks: Sequence[nn.Module],
        plan: Plan,
        settings: InferenceSettings,
        *,
        keeps_members: bool,
    ) -> "Runner":
        """Bring networks into the form that is quick on the device of the settings.

        Raises:
            WrongUse: NO_SUCH_DEVICE.
        """
        device = resolved_device(settings.device)
        dtype = resolved_dtype(settings.precision, device)
        return cls(
            networks=tuple(
                inference_form(network, device, dtype, compiled=settings.compile)
                for network in networks
            ),
            device=device,
            dtype=dtype,
            mirrors=_mirrors(plan.mirror_axes if settings.mirror else ()),
            weights=gaussian_weights(plan.patch_shape, plan.recipe).to(device),
            keeps_members=keeps_members,
        )

    @property
    def members(self) -> int:
        """Answers given for a window."""
        return len(self.networks) if self.keeps_members else 1

    def __str__(self) -> str:
        is_last = memory_format(self.device) is torch.channels_last_3d
        form = "channels last" if is_last else "channels first"
        kind = str(self.dtype).removeprefix("torch.")
        return f"{self.device}, {kind}, {form}"

    @property
    def copies(self) -> int:
        """Answers that are summed up for each that is given."""
        return len(self.mirrors) * len(self.networks) // self.members

    @torch.no_grad()
    def logits(
        self, windows: Float32[Tensor, "window channel i j k"]
    ) -> list[Float[Tensor, "window output i j k"]]:
        """For each member the sum of its logits over mirrored copies.

        Of a single copy they are in the number format of the network, and are to be
        used before it is run again: it may write the next ones over them.
        """
        sums: list[Tensor] = []
        for number, network in enumerate(self.networks):
            member = number if self.keeps_members else 0
            for axes in self.mirrors:
                logits = self._logits(network, windows, axes)
                if member < len(sums):
                    sums[member] += logits
                elif self.copies > 1:
                    sums.append(logits.to(torch.float32, copy=True))
                else:
                    sums.append(logits)
        return sums

    @staticmethod
    def _logits(network: nn.Module, windows: Tensor, axes: tuple[int, ...]) -> Tensor:
        logits: Tensor = network(windows.flip(axes) if axes else windows)
        return logits.flip(axes) if axes else logits


def _mirrors(axes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Every combination of the axes, as dimensions of a batch; () is no mirroring."""
    dims = [axis + 2 for axis in axes]
    return tuple(some for n in range(len(dims) + 1) for some in combinations(dims, n))
