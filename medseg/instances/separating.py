"""Label map -> its lesions told apart and numbered."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Integer
from scipy import ndimage

from medseg.classical.results import noted
from medseg.core.box import Box
from medseg.core.centre_maps import CentreMaps
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.geometry import Geometry
from medseg.core.instance_settings import (
    Components,
    InstanceRules,
    IntensityWatershed,
    LearnedCentres,
)
from medseg.core.labels import LabelSet, Structure, StructureKind
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.instances.grouping import Centres, found_centres
from medseg.instances.parting import parted

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]

DEFAULT_INSTANCE_RULES = InstanceRules()

_MOST_INSTANCES = 65535
_SAME_VOLUME = 1e-9


def tell_apart(
    segmentation: Segmentation,
    rules: InstanceRules = DEFAULT_INSTANCE_RULES,
    volume: Volume | None = None,
    centres: CentreMaps | None = None,
) -> Panoptic:
    """The lesions of a label map, each with a number of its own.

    Every structure that is a thing is taken apart into connected pieces, and these,
    where the rules say so, by a watershed. Numbers go up with the structure's id, then
    in the order of the first voxel (i, then j, then k), so that they are always the
    same. Pieces too small become background in the label map, too.

    Args:
        segmentation: The label map; `counted` makes things of its structures.
        rules: What a lesion is.
        volume: The scan, on the same grid; needed by an `IntensityWatershed` only.
        centres: What a model says of the scan; needed by `LearnedCentres` only, which
            leave structures that it did not learn in connected pieces.

    Raises:
        WrongUse: INVALID_OPTION, when a watershed of intensities has no scan, or
            learned centres no model.
        UnusableInput: GRID_MISMATCH; CHANNEL_MISMATCH; NOT_FINITE; OUT_OF_MEMORY;
            NOT_A_LABEL_MAP for more than 65535 lesions.
    """
    _require_scan(segmentation, rules, volume)
    seen = _seen(rules, centres)
    array = segmentation.array.copy()
    numbers = np.zeros(array.shape, np.int32)
    instances: list[Instance] = []
    notes = []
    things = [s for s in segmentation.labels if s.kind is StructureKind.THING]
    boxes = ndimage.find_objects(array, max(segmentation.labels.ids, default=0))
    for structure in things:
        box = boxes[structure.id - 1]
        if box is None:
            continue
        mask = array[box] == structure.id
        own = _rules_for(structure, rules, centres)
        here, left_out = _pieces_of(
            mask, Box.from_slices(box), own, segmentation, volume, seen
        )
        count = int(here.max(initial=0))
        _require_few(len(instances) + count, segmentation.case_id)
        numbers[box] += np.where(here > 0, here + len(instances), 0)
        array[box][mask & (here == 0)] = 0
        instances += [
            Instance(number=len(instances) + n, structure_id=structure.id)
            for n in range(1, count + 1)
        ]
        notes.append(_note(structure, count, left_out, own))
    told = replace(segmentation, array=array)
    for note in notes:
        told = noted(told, note)
    return Panoptic(
        segmentation=told,
        instance_map=numbers.astype(np.uint16),
        instances=tuple(instances),
    )


def counted(segmentation: Segmentation, structures: Collection[str]) -> Segmentation:
    """The label map with some structures as things, which are counted.

    Args:
        segmentation: Such as one read from a file without names.
        structures: Their names.

    Raises:
        WrongUse: INVALID_OPTION, when there is no such structure.
    """
    unknown = sorted(set(structures) - set(segmentation.labels.names))
    if unknown:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no structure {unknown[0]!r}",
            where="--structure",
            remedy=f"Use one of {', '.join(segmentation.labels.names)}.",
        )
    changed = tuple(
        replace(each, kind=StructureKind.THING) if each.name in structures else each
        for each in segmentation.labels
    )
    return replace(segmentation, labels=LabelSet(changed))


def _pieces_of(
    mask: Mask,
    box: Box,
    rules: InstanceRules,
    segmentation: Segmentation,
    volume: Volume | None,
    seen: Centres | None,
) -> tuple[Numbers, int]:
    """The lesions of one structure from 1, and how many pieces are left out."""
    grid = segmentation.geometry
    neighbours = ndimage.generate_binary_structure(3, rules.connectivity.rank)
    pieces, count = ndimage.label(mask, neighbours)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    smallest = rules.minimum_mm3 / (1000 * grid.voxel_volume_ml) * (1 - _SAME_VOLUME)
    is_kept = sizes >= smallest
    is_kept[0] = False
    left_out = count - int(is_kept.sum())
    _require_few(count - left_out, segmentation.case_id)
    pieces[~is_kept[pieces]] = 0
    if not isinstance(rules.split, Components):
        pieces = _parted_pieces(pieces, box, rules, grid, volume, seen)
    return _by_first_voxel(pieces), left_out


def _parted_pieces(
    pieces: Numbers,
    box: Box,
    rules: InstanceRules,
    grid: Geometry,
    volume: Volume | None,
    seen: Centres | None,
) -> Numbers:
    """Every piece taken apart where lesions touch."""
    numbers = np.zeros_like(pieces)
    last = 0
    for number, place in enumerate(ndimage.find_objects(pieces), start=1):
        if place is None:
            continue
        piece = pieces[place] == number
        inner = Box.from_slices(place)
        i, j, k = (a + b for a, b in zip(box.start, inner.start, strict=True))
        where = Box(start=(i, j, k), shape=inner.shape)
        lesions = parted(piece, where, rules, grid, volume, seen)
        numbers[place][piece] = lesions[piece] + last
        last += int(lesions.max())
    return numbers


def _by_first_voxel(numbers: Numbers) -> Numbers:
    """The same lesions numbered without gaps, in the order of their first voxel."""
    found, first = np.unique(numbers, return_index=True)
    lesions, order = found[found > 0], np.argsort(first[found > 0])
    new = np.zeros(int(numbers.max(initial=0)) + 1, np.int32)
    new[lesions[order]] = np.arange(1, len(lesions) + 1)
    renumbered: np.ndarray = new[numbers]
    return renumbered


def _note(structure: Structure, count: int, left_out: int, rules: InstanceRules) -> str:
    told = f"{structure.name}: {count} instances ({rules.split})"
    if not left_out:
        return told
    return f"{told}; {left_out} below {rules.minimum_mm3:g} mm3 left out"


def _seen(rules: InstanceRules, centres: CentreMaps | None) -> Centres | None:
    """The centres that lesions are parted at, where the rules ask for them."""
    if not isinstance(rules.split, LearnedCentres):
        return None
    if centres is not None:
        return found_centres(centres, rules.split)
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "a label map alone does not say where a model saw centres",
        where="--split-by",
        remedy="Use medseg segment --instances with a model that learned to tell "
        "lesions apart, or part them by distance.",
    )


def _rules_for(
    structure: Structure, rules: InstanceRules, centres: CentreMaps | None
) -> InstanceRules:
    """A structure that the model learned nothing of is left in its pieces."""
    is_learned = centres is None or structure.name in centres.things
    if is_learned or not isinstance(rules.split, LearnedCentres):
        return rules
    return replace(rules, split=Components())


def _require_scan(
    segmentation: Segmentation, rules: InstanceRules, volume: Volume | None
) -> None:
    if volume is not None:
        require_same_grid(volume.geometry, segmentation.geometry, where="scan")
    elif isinstance(rules.split, IntensityWatershed):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "a watershed of intensities needs the scan",
            where="--scan",
            remedy="Give the scan, or tell lesions apart by distance.",
        )


def _require_few(count: int, case_id: str) -> None:
    if count > _MOST_INSTANCES:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"{count} lesions are more than an instance map can number",
            where=case_id,
            remedy="Leave out small ones (--minimum-mm3), or clean the label map.",
        )
