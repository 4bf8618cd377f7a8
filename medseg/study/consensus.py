"""What most readers say about each voxel."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medseg.core.labels import LabelSet
from medseg.core.regions import Region
from medseg.core.volume import Segmentation, require_same_grid


def majority_of(
    readers: Sequence[Segmentation], regions: Sequence[Region] = ()
) -> Segmentation:
    """Each voxel has the label that more than half of the readers give it.

    Where no label has that many it is background; with two readers that is wherever
    they do not agree. Where there are regions, readers vote on each of them, whichever
    of its labels they chose, and it is painted as a network's would be.

    Args:
        readers: Label maps of one case, at least one; the first one's names are used.
        regions: Overlapping structures, made of the labels.

    Raises:
        UnusableInput: GRID_MISMATCH when the grids are not the same.
    """
    first = readers[0]
    for reader in readers[1:]:
        where = f"label maps of {first.case_id} by different readers"
        require_same_grid(first.geometry, reader.geometry, where=where)
    labels = _all_labels(readers)
    array = np.zeros(first.geometry.shape, dtype=np.uint16)
    in_regions = {label for region in regions for label in region.ids}
    painted = [(region.painted_as, region.ids) for region in regions]
    painted += [(each, (each,)) for each in labels.ids if each not in in_regions]
    for label, ids in painted:
        votes = np.zeros(first.geometry.shape, dtype=np.uint16)
        for reader in readers:
            votes += np.isin(reader.array, ids)
        array[2 * votes > len(readers)] = label
    return replace(first, array=array, labels=labels, provenance=None)


def _all_labels(readers: Sequence[Segmentation]) -> LabelSet:
    """The first reader's labels, and those that only others have, by number."""
    known = {each.id: each for reader in reversed(readers) for each in reader.labels}
    known |= {each.id: each for each in readers[0].labels}
    taken = set(readers[0].labels.names)
    return LabelSet(
        tuple(
            replace(each, name=f"label {each.id}")
            if each.name in taken and each.id not in readers[0].labels.ids
            else each
            for each in known.values()
        )
    )
