"""Border voxels of every label of a map, found in one pass."""

from itertools import pairwise

import numpy as np

from medseg.core.volume import LabelArray
from medseg.metrics.label_pairs import FlatIndex, FlatLabels, pieces


def border_voxels(labels: LabelArray) -> dict[int, FlatIndex]:
    """Voxels of each label with a face neighbour of another, as flat positions.

    The same voxels as a mask XOR its erosion by the six face neighbours.

    Args:
        labels: C-contiguous, with a margin of background.
    """
    flat = labels.reshape(-1)
    plane, row = (stride // labels.itemsize for stride in labels.strides[:2])
    found = []
    for start, stop in pieces(plane, flat.size - plane):
        here = flat[start:stop]
        is_border = here != flat[start + 1 : stop + 1]
        for step in (-1, row, -row, plane, -plane):
            is_border |= here != flat[start + step : stop + step]
        is_border &= here != 0
        found.append(np.flatnonzero(is_border) + start)
    points = np.concatenate(found)
    order, owners = grouped(flat[points])
    return {label: points[order[part]] for label, part in owners.items()}


def grouped(labels: FlatLabels) -> tuple[FlatIndex, dict[int, slice]]:
    """An order that puts equal labels together, and the place of each in it.

    Within a label the order stays what it was.
    """
    order = np.argsort(labels, kind="stable")
    present, first = np.unique(labels[order], return_index=True)
    bounds = pairwise([*first.tolist(), len(labels)])
    return order, {
        label: slice(start, stop)
        for label, (start, stop) in zip(present.tolist(), bounds, strict=True)
    }
