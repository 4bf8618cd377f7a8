"""Label map -> its lesions told apart and numbered."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Integer
from scipy import ndimage

from medseg.classical.results import noted
from medseg.core.box import Box
from medseg.core.centre_maps import CentreMaps
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.instance_settings import (
    Components,
    InstanceRules,
    IntensityWatershed,
    LearnedCentres,
)
from medseg.core.labels import Structure, StructureKind
from medseg.core.panoptic import Instance, Panoptic
from medseg.core.progress import (
    Progress,
    ProgressCallback,
    ignore_progress,
    in_stage,
    reported,
)
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.instances.grouping import Centres, found_centres
from medseg.instances.splitting import split_piece

Mask = Bool[np.ndarray, "i j k"]
Numbers = Integer[np.ndarray, "i j k"]
VoxelNumbers = Integer[np.ndarray, " voxel"]

DEFAULT_INSTANCE_RULES = InstanceRules()

_MOST_INSTANCES = 65535
_SAME_VOLUME = 1e-6  # more than what a spacing in float32 is off
_STAGE = "separating lesions"


def separate_instances(
    segmentation: Segmentation,
    rules: InstanceRules = DEFAULT_INSTANCE_RULES,
    volume: Volume | None = None,
    on_progress: ProgressCallback = ignore_progress,
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
        on_progress: Is told how many pieces are done; what it raises stops the work.
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
    array = segmentation.array
    numbers = np.zeros_like(array, dtype=np.uint16)
    instances: list[Instance] = []
    notes, told = [], segmentation
    things = [s for s in segmentation.labels if s.kind is StructureKind.THING]
    boxes = ndimage.find_objects(array, max(segmentation.labels.ids, default=0))
    for structure in things:
        place = boxes[structure.id - 1]
        if place is None:
            continue
        mask = array[place] == structure.id
        own = _rules_for(structure, rules, centres)
        lesions, left_out = _Separation(
            mask=mask,
            box=Box.from_slices(place),
            rules=own,
            segmentation=segmentation,
            volume=volume,
            seen=seen,
            on_progress=in_stage(on_progress, structure.name),
        ).lesions()
        count = int(lesions.max(initial=0))
        _require_few(len(instances) + count, segmentation.case_id)
        is_one = lesions > 0
        numbers[place][mask] = np.where(is_one, lesions + len(instances), 0)
        if left_out:
            array = array.copy(order="K") if array is segmentation.array else array
            array[place][mask] = np.where(is_one, structure.id, 0)
            told = noted(told, _left_out_note(structure, left_out, own))
        instances += [
            Instance(number=len(instances) + n, structure_id=structure.id)
            for n in range(1, count + 1)
        ]
        notes.append(f"{structure.name}: {count} instances ({own.split})")
    return Panoptic(
        segmentation=replace(told, array=array),
        instance_map=numbers,
        instances=tuple(instances),
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Separation:
    """One structure whose lesions are told apart.

    Attributes:
        mask: Where it is, in its box.
        box: Where that lies in the scan.
        rules: What a lesion is.
        segmentation: The label map.
        volume: The scan.
        seen: Centres that a model sees.
        on_progress: Is told of every piece.
    """

    mask: Mask
    box: Box
    rules: InstanceRules
    segmentation: Segmentation
    volume: Volume | None
    seen: Centres | None
    on_progress: ProgressCallback

    def lesions(self) -> tuple[VoxelNumbers, int]:
        """Number of the lesion at each voxel of the mask, in C order, and what is out.

        Lesions are numbered from 1 in the order of their first voxel; 0 is left out.
        Next to the map of pieces, nothing is as large as the box.
        """
        self.on_progress(Progress(stage=_STAGE, done=0, total=1))
        neighbours = ndimage.generate_binary_structure(3, self.rules.connectivity.rank)
        pieces, count = ndimage.label(self.mask, neighbours)
        inside = pieces[self.mask]
        sizes = np.bincount(inside, minlength=count + 1)
        voxel_mm3 = 1000 * self.segmentation.geometry.voxel_volume_ml
        is_kept = sizes >= self.rules.minimum_mm3 / voxel_mm3 * (1 - _SAME_VOLUME)
        is_kept[0] = False
        left_out = count - int(is_kept.sum())
        _require_few(count - left_out, self.segmentation.case_id)
        if isinstance(self.rules.split, Components):
            return _in_order(np.where(is_kept[inside], inside, 0)), left_out
        self._part(pieces, is_kept)
        return _in_order(np.maximum(0, -pieces[self.mask])), left_out

    def _part(self, pieces: Numbers, is_kept: Bool[np.ndarray, " piece"]) -> None:
        """Put, in place, the negative number of its lesion at each voxel of a piece.

        Negative ones are told from those of the pieces that are not split yet.
        """
        last = 0
        places = list(enumerate(ndimage.find_objects(pieces), start=1))
        for number, place in reported(places, _STAGE, self.on_progress):
            if not is_kept[number]:
                continue
            here = pieces[place]
            piece = here == number
            inner = Box.from_slices(place)
            i, j, k = (a + b for a, b in zip(self.box.start, inner.start, strict=True))
            where = Box(start=(i, j, k), shape=inner.shape)
            grid = self.segmentation.geometry
            lesions = split_piece(
                piece, where, self.rules, grid, self.volume, self.seen
            )
            here[piece] = -(lesions[piece] + last)
            last += int(lesions.max())


def _in_order(numbers: VoxelNumbers) -> VoxelNumbers:
    """The same lesions numbered without gaps, in the order of their first voxel."""
    first = np.full(int(numbers.max(initial=0)) + 1, len(numbers))
    first[numbers[::-1]] = np.arange(len(numbers))[::-1]  # the last written is first
    lesions = 1 + np.flatnonzero(first[1:] < len(numbers))
    new = np.zeros(len(first), np.int32)
    new[lesions[np.argsort(first[lesions])]] = np.arange(1, len(lesions) + 1)
    renumbered: np.ndarray = new[numbers]
    return renumbered


def _left_out_note(structure: Structure, count: int, rules: InstanceRules) -> str:
    return f"{structure.name}: {count} below {rules.minimum_mm3:g} mm3 left out"


def _seen(rules: InstanceRules, centres: CentreMaps | None) -> Centres | None:
    """The centres that lesions are split at, where the rules ask for them."""
    if not isinstance(rules.split, LearnedCentres):
        return None
    if centres is not None:
        return found_centres(centres, rules.split)
    raise WrongUse(
        ErrorCode.INVALID_OPTION,
        "a label map alone does not say where a model saw centres",
        where="--split-by",
        remedy="Use medseg segment --instances with a model that learned to tell "
        "lesions apart, or split them by distance.",
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
