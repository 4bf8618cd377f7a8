"""Networks run over a few windows at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Plan
from medseg.core.settings import InferenceSettings
from medseg.inference.devices import memory_format, resolved_device, resolved_dtype
from medseg.inference.shortages import Shortages
from medseg.inference.windows import gaussian_weights
from medseg.networks import CompiledForm, InPlaceUNet, inference_form


@dataclass(frozen=True, eq=False, kw_only=True)
class Runner:
    """Networks ready to be run on a device, for scan after scan; not by two threads.

    Attributes:
        networks: In the form that is quickest there.
        plan: The one they were made for.
        settings: How they are run.
        device: Where.
        dtype: Number format of their arithmetic.
        mirrors: Dimensions of a batch that are flipped, one entry a copy.
        weights: Of each voxel of a window.
        keeps_members: Give each network's answer, not their mean.
        keeps_copies: Give each mirrored copy's answer, network by network.
        shortages: What earlier scans found too little memory for.
    """

    networks: tuple[nn.Module, ...]
    plan: Plan
    settings: InferenceSettings
    device: torch.device
    dtype: torch.dtype
    mirrors: tuple[tuple[int, ...], ...]
    weights: Float32[Tensor, "i j k"]
    keeps_members: bool = False
    keeps_copies: bool = False
    shortages: Shortages = field(default_factory=Shortages)

    @classmethod
    def ready(
        cls, networks: Sequence[nn.Module], plan: Plan, settings: InferenceSettings
    ) -> "Runner":
        """Bring networks into the form that is quick on the device of the settings.

        Raises:
            WrongUse: NO_SUCH_DEVICE; INVALID_OPTION where the number format is not
                for this device or these networks.
        """
        device = resolved_device(settings.device)
        dtype = resolved_dtype(settings.precision, device)
        return cls(
            networks=tuple(
                inference_form(network, device, dtype, compiled=settings.compile)
                for network in networks
            ),
            plan=plan,
            settings=settings,
            device=device,
            dtype=dtype,
            mirrors=_mirrors(plan.mirror_axes if settings.mirror else ()),
            weights=gaussian_weights(plan.patch_shape, plan.recipe).to(device),
        )

    def asked(self, *, members: bool, copies: bool = False) -> "Runner":
        """The same networks, giving the answer of each, or of each copy, or not."""
        return replace(self, keeps_members=members, keeps_copies=copies)

    def singles(self) -> tuple[tuple[int, "Runner"], ...]:
        """Each network with each mirrored copy alone, and the network's place."""
        return tuple(
            (place, replace(self, networks=(network,), mirrors=(axes,)))
            for place, network in enumerate(self.networks)
            for axes in self.mirrors
        )

    @property
    def is_for_one_shape(self) -> bool:
        """Whether another number of windows would be compiled anew."""
        return any(isinstance(network, CompiledForm) for network in self.networks)

    def rest(self) -> None:
        """Free memory that networks keep from one window to the next."""
        for network in self.networks:
            if isinstance(network, InPlaceUNet):
                network.rest()

    @property
    def members(self) -> int:
        """Answers given for a window."""
        if self.keeps_copies:
            return len(self.networks) * len(self.mirrors)
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
        """For each member the sum of its logits over the copies that make it up.

        Of the only copy of a network they are in the network's number format, and are
        to be used before it is run again: it may write the next ones over them.

        Raises:
            WrongUse: INVALID_OPTION when they are beyond the range of float16.
        """
        sums: list[Tensor] = []
        for number, network in enumerate(self.networks):
            for copy, axes in enumerate(self.mirrors):
                logits = self._logits(network, windows, axes)
                member = self._member(number, copy)
                if member < len(sums):
                    sums[member] += logits
                elif len(self.mirrors) > 1 or self.copies > 1:
                    sums.append(logits.to(torch.float32, copy=True))
                else:
                    sums.append(logits)
        if self.dtype is torch.float16:
            _require_finite(sums)
        return sums

    def _member(self, network: int, copy: int) -> int:
        if self.keeps_copies:
            return network * len(self.mirrors) + copy
        return network if self.keeps_members else 0

    def _logits(
        self, network: nn.Module, windows: Tensor, axes: tuple[int, ...]
    ) -> Tensor:
        logits: Tensor = network(windows.flip(axes) if axes else windows)
        if not axes:
            return logits
        turned = logits.flip(axes)
        if self.plan.head is not None:  # offsets along a mirrored axis point back
            first = len(self.plan.output_names) + 1
            turned[:, [first + axis - 2 for axis in axes]] *= -1
        return turned


def _require_finite(answers: Sequence[Tensor]) -> None:
    if not all(logits.isfinite().all() for logits in answers):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the network's features are beyond the range of float16",
            where="--precision",
            remedy="Use --precision float32.",
        )


def _mirrors(axes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Every combination of the axes, as dimensions of a batch; () is no mirroring."""
    dims = [axis + 2 for axis in axes]
    return tuple(some for n in range(len(dims) + 1) for some in combinations(dims, n))
