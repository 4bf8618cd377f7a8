"""What labels were like when something was made of them."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from napari.layers import Labels

from napari_medseg.layers.made import checksum_of


class Change(StrEnum):
    """What has become of labels since, as it is told."""

    EDITED = "edited"
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Labels at one time: a number for the voxels, and where they lay.

    Attributes:
        checksum: Of the labels, from `checksum_of`.
        scale: Of the layer.
        translate: Of the layer.
    """

    checksum: int
    scale: tuple[float, ...]
    translate: tuple[float, ...]

    @classmethod
    def of(cls, layer: Labels, checksum: int | None = None) -> "Seen":
        """A layer as it is.

        Args:
            layer: Labels layer.
            checksum: Of its labels, where that is known.
        """
        if checksum is None:
            checksum = checksum_of(np.asarray(layer.data))
        scale, translate = (
            tuple(np.asarray(each, float).tolist())
            for each in (layer.scale, layer.translate)
        )
        return cls(checksum=checksum, scale=scale, translate=translate)

    def change_of(self, layer: Labels) -> Change | None:
        """What the layer is by now: edited, else moved; None where it is the same."""
        now = Seen.of(layer)
        if now.checksum != self.checksum:
            return Change.EDITED
        return None if now == self else Change.MOVED
