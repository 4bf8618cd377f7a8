"""The outputs of an instance head, taken out of a network's answer."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from medseg.core.centre_maps import CentreMaps
from medseg.core.instance_head import InstanceHead
from medseg.core.plan import Plan
from medseg.core.prepared import Prepared
from medseg.preprocessing import LogitsSlab


class HeadRows:
    """Takes a head's outputs from the rows that pass by.

    Args:
        prepared: The scan they belong to.
        plan: Of the network.
        is_kept: Whether they are wanted: 8 bytes a voxel of the network's grid.
    """

    def __init__(self, prepared: Prepared, plan: Plan, *, is_kept: bool) -> None:
        self._prepared = prepared
        self._plan = plan
        self._has_all = False
        self._kept: np.ndarray | None = None
        if is_kept and plan.head is not None:
            shape = (plan.head.outputs, *prepared.image.shape[1:])
            self._kept = np.zeros(shape, np.float16)

    def passed(self, slabs: Iterable[LogitsSlab]) -> Iterable[LogitsSlab]:
        """The same rows without the head's outputs; as they are without a head."""
        return slabs if self._plan.head is None else self._passed(slabs)

    def maps(self) -> CentreMaps | None:
        """What was kept; None where nothing was.

        Raises:
            RuntimeError: Before all rows have passed.
        """
        head = self._plan.head
        if self._kept is None or head is None:
            return None
        if not self._has_all:
            raise RuntimeError("rows are still to come")
        i, j, k = self._kept.shape[1:]
        box = self._prepared.source.permuted(
            self._prepared.axes, self._prepared.flipped
        ).cropped(self._prepared.crop_start, self._prepared.crop_shape)
        return CentreMaps(
            heat=self._kept[0],
            offsets_mm=self._kept[1:],
            geometry=box.with_shape((i, j, k)),
            things=head.things,
            sigma_mm=head.sigma_mm,
        )

    def _passed(self, slabs: Iterable[LogitsSlab]) -> Iterator[LogitsSlab]:
        own = len(self._plan.output_names)
        for slab in slabs:
            if self._kept is not None and self._plan.head is not None:
                self._keep(slab, self._plan.head, self._kept)
            self._has_all = slab.rows.stop == slab.row_count
            yield replace(slab, logits=slab.logits[:, :own])

    def _keep(self, slab: LogitsSlab, head: InstanceHead, kept: np.ndarray) -> None:
        """The mean over members, offsets in millimetres."""
        values = slab.logits[:, -head.outputs :].mean(0)
        values[1:] *= head.sigma_mm
        rows = np.moveaxis(kept, 1 + slab.axis, 1)[:, slab.rows]
        rows[...] = values.cpu().numpy()
