"""Lesions of two scans of one patient -> what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medseg.core.follow_up import Fate, FollowedLesion, FollowUp, MatchedBy
from medseg.core.geometry import Geometry
from medseg.core.instance_measure import InstanceMeasure
from medseg.core.instance_settings import FollowUpRules
from medseg.core.labels import LabelSet, Structure, StructureKind
from medseg.core.panoptic import InstanceArray, Panoptic
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.volume import Segmentation
from medseg.instances.measuring import measure_instances
from medseg.preprocessing.label_resampling import resample_nearest

DEFAULT_FOLLOW_UP_RULES = FollowUpRules()

_Parts = tuple[InstanceMeasure, ...]
_Group = tuple[_Parts, _Parts]


def follow(
    baseline: Panoptic,
    follow_up: Panoptic,
    rules: FollowUpRules = DEFAULT_FOLLOW_UP_RULES,
    on_progress: ProgressCallback = ignore_progress,
) -> FollowUp:
    """What became of every lesion between two scans.

    Both scans must be in one frame: millimetres of the one are those of the other, as
    after registration; grids may differ. Lesions with one tracking UID are one,
    whatever they are called and wherever they lie. Of all others, lesions of structures
    of one name that overlap enough are one; those that overlap none are paired by the
    distance of their centres, such that as many as possible find a partner, at the
    least distance in all. Volumes and diameters are measured on each scan's own grid.

    Args:
        baseline: Lesions of the earlier scan.
        follow_up: Of the later one.
        rules: Which lesion is one of the other scan.
        on_progress: Is told how many are measured; what it raises stops the work.
    """
    both = _Both(
        baseline=measure_instances(baseline, on_progress=on_progress),
        follow_up=measure_instances(follow_up, on_progress=on_progress),
        links=_links(baseline, follow_up, rules),
    )
    lesions = [_followed(group, by) for group, by in both.groups(rules.most_apart_mm)]
    lesions.sort(key=_order)
    return FollowUp(
        baseline_id=baseline.case_id,
        follow_up_id=follow_up.case_id,
        lesions=tuple(lesions),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Both:
    """The lesions of both scans, and which overlap.

    Attributes:
        baseline: Then.
        follow_up: Later.
        links: Pairs of numbers that overlap enough, of one structure.
    """

    baseline: _Parts
    follow_up: _Parts
    links: frozenset[tuple[int, int]]

    def groups(self, most_apart_mm: float) -> Iterator[tuple[_Group, MatchedBy | None]]:
        """Lesions that belong together, and why; each lesion in one group."""
        then, later = _by_uid(self.baseline), _by_uid(self.follow_up)
        shared = then.keys() & later.keys()
        for uid in sorted(shared):
            yield (then[uid], later[uid]), MatchedBy.TRACKING_UID
        unmatched = replace(
            self,
            baseline=tuple(e for e in self.baseline if e.tracking_uid not in shared),
            follow_up=tuple(e for e in self.follow_up if e.tracking_uid not in shared),
        )
        alone: tuple[list[InstanceMeasure], list[InstanceMeasure]] = ([], [])
        for group in unmatched.overlapping():
            if all(group):
                yield group, MatchedBy.OVERLAP
            else:
                alone[0].extend(group[0])
                alone[1].extend(group[1])
        for group in _paired_by_distance(*alone, most_apart_mm):
            yield group, MatchedBy.DISTANCE if all(group) else None

    def overlapping(self) -> Iterator[_Group]:
        """Connected components of the graph whose edges are overlaps."""
        count, total = len(self.baseline), len(self.baseline) + len(self.follow_up)
        place = {each.number: n for n, each in enumerate(self.baseline)}
        later = {each.number: count + n for n, each in enumerate(self.follow_up)}
        ends = [
            (place[a], later[b])
            for a, b in sorted(self.links)
            if a in place and b in later
        ]
        rows, columns = np.array(ends, np.int64).reshape(-1, 2).T
        graph = coo_array((np.ones(len(ends)), (rows, columns)), shape=(total, total))
        parts, part_of = connected_components(graph, directed=False)
        for part in range(parts):
            members = np.flatnonzero(part_of == part).tolist()
            yield (
                tuple(self.baseline[n] for n in members if n < count),
                tuple(self.follow_up[n - count] for n in members if n >= count),
            )


def _by_uid(lesions: _Parts) -> Mapping[str, _Parts]:
    """The lesions that have a tracking UID, by it."""
    found: dict[str, _Parts] = {}
    for each in lesions:
        if each.tracking_uid is not None:
            found[each.tracking_uid] = (*found.get(each.tracking_uid, ()), each)
    return found


def _links(
    baseline: Panoptic, follow_up: Panoptic, rules: FollowUpRules
) -> frozenset[tuple[int, int]]:
    """Pairs that share more than a part of the smaller one.

    Looked at on either grid, of which the better answer counts: on thick slices a flat
    lesion of the other scan may lie between two.
    """
    shared_ml = _shared_ml(baseline, follow_up)
    if not follow_up.geometry.is_same_grid(baseline.geometry):
        for (b, a), volume_ml in _shared_ml(follow_up, baseline).items():
            shared_ml[a, b] = max(volume_ml, shared_ml.get((a, b), 0.0))
    then_ml, later_ml = _sizes_ml(baseline), _sizes_ml(follow_up)
    names = [
        {each.number: panoptic.structure_of(each).name for each in panoptic.instances}
        for panoptic in (baseline, follow_up)
    ]
    return frozenset(
        (a, b)
        for (a, b), volume_ml in shared_ml.items()
        if names[0][a] == names[1][b]
        and volume_ml / min(then_ml[a], later_ml[b]) > rules.minimum_overlap
    )


def _shared_ml(fixed: Panoptic, moving: Panoptic) -> dict[tuple[int, int], float]:
    """What pairs of lesions share, on the grid of the first ones."""
    moved = _on_grid(moving, fixed.geometry)
    inside = (fixed.instance_map > 0) & (moved > 0)
    base = int(moved.max(initial=0)) + 1
    keys = fixed.instance_map[inside].astype(np.int64) * base + moved[inside]
    pairs, voxels = np.unique(keys, return_counts=True)
    voxel_ml = fixed.geometry.voxel_volume_ml
    return {
        divmod(pair, base): count * voxel_ml
        for pair, count in zip(pairs.tolist(), voxels.tolist(), strict=True)
    }


def _sizes_ml(panoptic: Panoptic) -> Float64[np.ndarray, " number"]:
    """Volume of each lesion, by its number."""
    voxels = np.bincount(panoptic.instance_map.ravel())
    sizes: np.ndarray = voxels * panoptic.geometry.voxel_volume_ml
    return sizes


def _on_grid(panoptic: Panoptic, grid: Geometry) -> InstanceArray:
    """The instance map on another grid of the same frame."""
    if panoptic.geometry.is_same_grid(grid):
        return panoptic.instance_map
    most = max((each.number for each in panoptic.instances), default=1)
    every = Structure(
        id=most, name="lesions", colour=(0, 0, 0), kind=StructureKind.THING
    )
    numbers = Segmentation(
        array=panoptic.instance_map,
        geometry=panoptic.geometry,
        labels=LabelSet((every,)),
    )
    return resample_nearest(numbers, grid).array


def _paired_by_distance(
    baseline: Sequence[InstanceMeasure],
    follow_up: Sequence[InstanceMeasure],
    most_apart_mm: float,
) -> Iterator[_Group]:
    """Lesions that overlap no other, in pairs where they are near, else alone."""
    sides = (baseline, follow_up)
    centres = [
        np.array([each.centre_ras_mm for each in side]).reshape(-1, 3) for side in sides
    ]
    names = [np.array([each.structure.name for each in side]) for side in sides]
    is_one_structure = names[0][:, np.newaxis] == names[1]
    # SciPy's cdist has crashed in a thread of napari's window.
    between_mm = np.linalg.norm(centres[0][:, np.newaxis] - centres[1], axis=-1)
    apart = np.where(is_one_structure, between_mm, np.inf)
    near = apart <= most_apart_mm
    # What is too far costs more than any number of near pairs.
    too_dear = (1 + most_apart_mm) * (1 + min(apart.shape))
    rows, columns = linear_sum_assignment(np.where(near, apart, too_dear))
    matched = [
        (a, b)
        for a, b in zip(rows.tolist(), columns.tolist(), strict=True)
        if near[a, b]
    ]
    for a, b in matched:
        yield (baseline[a],), (follow_up[b],)
    for a in sorted(set(range(len(baseline))) - {a for a, _ in matched}):
        yield (baseline[a],), ()
    for b in sorted(set(range(len(follow_up))) - {b for _, b in matched}):
        yield (), (follow_up[b],)


def _followed(group: _Group, matched_by: MatchedBy | None) -> FollowedLesion:
    then, later = group
    return FollowedLesion(
        structure=(then or later)[0].structure.name,
        fate=_fate(len(then), len(later), matched_by),
        baseline=then,
        follow_up=later,
        centres_apart_mm=_apart_mm(then, later) if then and later else None,
        matched_by=matched_by,
    )


def _fate(then: int, later: int, matched_by: MatchedBy | None) -> Fate:
    """What became of one lesion, by the number of its parts in both scans."""
    if not then:
        return Fate.NEW
    if not later:
        return Fate.GONE
    if matched_by is MatchedBy.TRACKING_UID and then <= later:
        return Fate.SPLIT if later > then else Fate.PERSISTING
    if then > 1:
        return Fate.MERGED
    return Fate.SPLIT if later > 1 else Fate.PERSISTING


def _apart_mm(
    then: Sequence[InstanceMeasure], later: Sequence[InstanceMeasure]
) -> float:
    return float(np.linalg.norm(_centre_ras_mm(then) - _centre_ras_mm(later)))


def _centre_ras_mm(parts: Sequence[InstanceMeasure]) -> Float64[np.ndarray, "3"]:
    """Centre of mass of several lesions together."""
    centres = np.array([each.centre_ras_mm for each in parts])
    centre: np.ndarray = np.average(
        centres, axis=0, weights=[each.volume_ml for each in parts]
    )
    return centre


def _order(lesion: FollowedLesion) -> tuple[bool, int]:
    """Those of the baseline scan first, each kind by its first number."""
    first = (lesion.baseline or lesion.follow_up)[0].number
    return not lesion.baseline, first
