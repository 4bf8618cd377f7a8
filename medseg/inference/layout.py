"""Which windows a scan is cut into, and which of them are computed."""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from jaxtyping import Bool

from medseg.core.geometry import Shape3
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.core.settings import InferenceSettings
from medseg.inference.needed import Emptiness, Occupancy, body_of
from medseg.inference.windows import (
    Box,
    axis_to_stream,
    window_box,
    window_corners,
)

_VOXELS_AT_ONCE = {"cpu": 48**3, "cuda": 4 * 128**3}
_MOST_AT_ONCE = 32

Mask = Bool[np.ndarray, "_ _ _"]


@dataclass(frozen=True, kw_only=True)
class Window:
    """One place a network looks at.

    Attributes:
        box: Its voxels on the padded image.
        within: Those of them that are the image's own, on the image.
        is_needed: Whether it is computed.
    """

    box: Box
    within: Box
    is_needed: bool

    @property
    def corner(self) -> Shape3:
        """Its first voxel."""
        i, j, k = (side.start for side in self.box)
        return i, j, k


@dataclass(frozen=True, eq=False, kw_only=True)
class Layout:
    """The windows of a scan.

    Attributes:
        shape: Of the image, padded to a window at least.
        inside: Where the image itself is in it.
        axis: Axis along which rows are finished.
        windows: In ascending order along that axis.
        region: Voxels of the image outside of which all is background, if not None.
    """

    shape: Shape3
    inside: Box
    axis: int
    windows: tuple[Window, ...]
    region: Mask | None

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        plan: Plan,
        settings: InferenceSettings,
        region: Mask | None,
    ) -> "Layout":
        """Cut a scan into windows of the plan's patch.

        Args:
            prepared: The scan.
            plan: Says how large a window is.
            settings: By how much windows overlap, and whether air is left out.
            region: Windows without a voxel of it are left out.
        """
        image, patch = prepared.image, plan.patch_shape
        sizes = tuple(zip(image.shape[1:], patch, strict=True))
        i, j, k = (max(pair) for pair in sizes)
        shape = (i, j, k)
        before = tuple(max(0, edge - size) // 2 for size, edge in sizes)
        inside = window_box(_three(before), _three(image.shape[1:]))
        axis = axis_to_stream(shape, patch)
        corners = window_corners(shape, patch, settings.overlap, axis)
        need = _Need.of(prepared, plan, settings, region)
        windows = []
        for corner in corners:
            box = window_box(corner, patch)
            within = _overlap(box, inside)
            is_needed = need.of_window(within)
            windows.append(Window(box=box, within=within, is_needed=is_needed))
        return cls(
            shape=shape, inside=inside, axis=axis, windows=tuple(windows), region=region
        )

    @property
    def needed(self) -> int:
        """How many windows are computed."""
        return sum(window.is_needed for window in self.windows)

    @property
    def across(self) -> tuple[int, int]:
        """The other two axes than that of the rows."""
        a, b = (axis for axis in range(3) if axis != self.axis)
        return a, b

    def row_first(self, box: Box) -> Box:
        """A box with its rows first."""
        a, b = self.across
        return box[self.axis], box[a], box[b]

    def background(self, rows: slice) -> Bool[np.ndarray, "rows a b"]:
        """Where rows of the image are background without being computed."""
        a, b = (self.inside[axis] for axis in self.across)
        shape = (rows.stop - rows.start, a.stop - a.start, b.stop - b.start)
        left_out = np.zeros(shape, dtype=bool)
        for window in self.windows:
            within, *box = self.row_first(window.within)
            first = max(within.start, rows.start) - rows.start
            stop = min(within.stop, rows.stop) - rows.start
            if first < stop and not window.is_needed:
                left_out[first:stop, *box] = True
        if self.region is not None:
            left_out |= ~np.moveaxis(self.region, self.axis, 0)[rows]
        return left_out

    def __str__(self) -> str:
        count = len(self.windows)
        return f"{count} windows, {count - self.needed} of them with nothing in them"


@dataclass(frozen=True, eq=False, kw_only=True)
class _Need:
    """What a window must hold to be computed: a body, or else something at all."""

    body: Occupancy | None
    nothing: Emptiness | None
    region: Occupancy | None

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        plan: Plan,
        settings: InferenceSettings,
        region: Mask | None,
    ) -> "_Need":
        skips = settings.skip_air
        body = body_of(prepared.image, plan) if skips else None
        is_needed = skips and body is None
        return cls(
            body=body,
            nothing=Emptiness.of(prepared, plan) if is_needed else None,
            region=None if region is None else Occupancy.of(region),
        )

    def of_window(self, within: Box) -> bool:
        if self.region is not None and not self.region.touches(within):
            return False
        if self.body is not None:
            return self.body.touches(within)
        if self.nothing is None:
            return True
        i, j, k = (slice(max(0, s.start - 1), s.stop + 1) for s in within)
        return not self.nothing.fills((i, j, k))  # what is beside it counts, too


def windows_at_once(window: Shape3, device: torch.device) -> int:
    """How many windows are computed together.

    A processor gains by it only where windows are small; a GPU is filled.
    """
    voxels = _VOXELS_AT_ONCE[device.type]
    return min(_MOST_AT_ONCE, max(1, voxels // prod(window)))


def _overlap(box: Box, inside: Box) -> Box:
    """The voxels of a box that are inside, counted from its first."""
    i, j, k = (
        slice(max(s.start, n.start) - n.start, min(s.stop, n.stop) - n.start)
        for s, n in zip(box, inside, strict=True)
    )
    return i, j, k


def _three(sizes: tuple[int, ...]) -> Shape3:
    i, j, k = sizes
    return i, j, k
