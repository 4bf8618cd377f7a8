"""Connected pieces of the structures of a label map."""

from collections.abc import Collection

import numpy as np
from scipy import ndimage

from medseg.core.volume import LabelArray

_TOUCHING = np.ones((3, 3, 3), bool)  # faces, edges and corners


def keep_largest_pieces(array: LabelArray, ids: Collection[int]) -> LabelArray:
    """The label map with only the largest connected piece of some structures.

    Voxels that touch by a face, an edge or a corner are one piece. Of pieces of the
    same size the first in memory stays.

    Args:
        array: Label map; it is not changed.
        ids: Labels of the structures concerned; the others stay as they are.
    """
    result = array.copy()
    boxes = ndimage.find_objects(array, max_label=max(ids, default=0))
    for id_ in ids:
        box = boxes[id_ - 1]
        if box is None:
            continue
        pieces, count = ndimage.label(array[box] == id_, _TOUCHING)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            largest = int(sizes[1:].argmax()) + 1
            result[box][(pieces > 0) & (pieces != largest)] = 0
    return result
