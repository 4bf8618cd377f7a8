"""The lesions of a label map, told apart, measured and followed; knows no Qt."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import medseg
from napari_medseg.layers.evidence import VoxelConfidence
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.choice import Choice, no_centres
from napari_medseg.lesions.stored import (
    as_stored,
    find_stored,
    things_of,
    with_lesions,
)
from napari_medseg.structures.contents import Position, shown_at

Report = Callable[[medseg.Progress], object]


@dataclass(frozen=True, eq=False, kw_only=True)
class Lesions:
    """The lesions of one label map.

    Attributes:
        panoptic: The label map and the number of the lesion at each voxel.
        measures: One a lesion, by ascending number.
        placement: How the label map is shown.
        choice: What was taken for a lesion.
        unit: Of the scan's intensities; empty where they have none.
        scan: That they were told apart by; None where none was needed.
    """

    panoptic: medseg.Panoptic
    measures: tuple[medseg.InstanceMeasure, ...]
    placement: Placement
    choice: Choice
    unit: str = ""
    scan: medseg.Volume | None = None

    def measure_of(self, number: int) -> medseg.InstanceMeasure:
        """What was measured of a lesion."""
        return next(each for each in self.measures if each.number == number)

    def number_at(self, position_sar_mm: Position) -> int:
        """The lesion at a point as shown; 0 for none."""
        placement = self.placement
        place = (np.array(position_sar_mm) - placement.translate) / placement.scale
        index = np.round(place).astype(int)
        if (index < 0).any() or (index >= placement.shown.shape).any():
            return 0
        return int(placement.to_shown(self.panoptic.instance_map)[tuple(index)])


@dataclass(frozen=True, eq=False, kw_only=True)
class Followed:
    """What became of the lesions of an earlier label map.

    Attributes:
        found: The lesions of both.
        baseline: How the earlier label map is shown.
        follow_up: How the later one is.
        mind: What to mind; empty for nothing.
    """

    found: medseg.FollowUp
    baseline: Placement
    follow_up: Placement
    mind: str = ""

    def part_to_show(
        self, lesion: medseg.FollowedLesion
    ) -> tuple[medseg.InstanceMeasure, Placement]:
        """Its largest part in the later scan, or in the earlier one if it is gone."""
        parts = lesion.follow_up or lesion.baseline
        largest = max(parts, key=lambda part: part.volume_ml)
        return largest, self.follow_up if lesion.follow_up else self.baseline


@dataclass(frozen=True, eq=False, kw_only=True)
class Wanted:
    """A label map whose lesions are to be told apart.

    Attributes:
        segmentation: The label map.
        scan: The scan on its grid; None where there is none.
        choice: What a lesion is.
        unit: Of the scan's intensities.
        centres: Where a model sees the centres of lesions in the scan.
        confidence: How sure the model is that made the labels; None where that is not
            known, as of labels that were edited.
        file: Where the labels were read from, which may number their lesions; None for
            nowhere.
    """

    segmentation: medseg.Segmentation
    scan: medseg.Volume | None
    choice: Choice
    unit: str = ""
    centres: medseg.CentreMaps | None = None
    confidence: VoxelConfidence | None = None
    file: Path | None = None


def told_apart(wanted: Wanted, report: Report) -> Lesions:
    """Tell lesions apart and measure them; can be stopped after every piece.

    Raises:
        MedSegError: As `panoptic_of`.
    """
    panoptic = panoptic_of(wanted, report)
    measures = medseg.measure_instances(panoptic, wanted.scan, report)
    return Lesions(
        panoptic=panoptic,
        measures=measures,
        placement=Placement.of(panoptic.geometry),
        choice=wanted.choice,
        unit=wanted.unit,
        scan=wanted.scan if wanted.choice.needs_scan else None,
    )


def followed(
    later: Lesions, earlier: Wanted, rules: medseg.FollowUpRules, report: Report
) -> Followed:
    """Tell what became of the lesions of an earlier label map.

    Those of the earlier one are as its file numbers them, where it does; else they are
    told apart as the later ones were.

    Raises:
        MedSegError: As `panoptic_of`.
    """
    baseline, mind = _baseline_of(later, earlier, report)
    found = medseg.follow(baseline, later.panoptic, rules, report)
    return Followed(
        found=found,
        baseline=Placement.of(baseline.geometry),
        follow_up=later.placement,
        mind=mind,
    )


def handed_on(later: Lesions, followed: Followed) -> Lesions:
    """The later lesions with the tracking UIDs and names of the baseline's."""
    panoptic = medseg.with_tracking(later.panoptic, followed.found)
    known = {each.number: each for each in panoptic.instances}
    measures = tuple(
        replace(
            each,
            tracking_uid=known[each.number].tracking_uid,
            tracking_id=known[each.number].tracking_id,
        )
        for each in later.measures
    )
    return replace(later, panoptic=panoptic, measures=measures)


def with_counted(
    segmentation: medseg.Segmentation, names: Collection[str]
) -> medseg.Segmentation:
    """The label map in which these structures, and no others, are lesions."""
    kinds = medseg.StructureKind
    structures = tuple(
        replace(each, kind=kinds.THING if each.name in names else kinds.STUFF)
        for each in segmentation.labels
    )
    return replace(segmentation, labels=medseg.LabelSet(structures))


def as_labels(panoptic: medseg.Panoptic) -> medseg.Segmentation:
    """The lesions as a label map: each is a structure, "liver tumour 3"."""
    named = medseg.LabelSet.from_names(
        (each.number, f"{panoptic.structure_of(each).name} {each.number}")
        for each in panoptic.instances
    )
    thing = medseg.StructureKind.THING
    labels = medseg.LabelSet(tuple(replace(each, kind=thing) for each in named))
    return replace(panoptic.segmentation, array=panoptic.instance_map, labels=labels)


def place_of(measure: medseg.InstanceMeasure, placement: Placement) -> Position:
    """Where to look at a lesion: its centre, in the slice of its diameters (S, A, R).

    Args:
        measure: Of the lesion.
        placement: How its label map is shown.
    """
    _, a, r = placement.shown.to_index(np.array(measure.centre_ras_mm))
    start = np.array(measure.diameters.longest.start_ras_mm)
    s = round(float(placement.shown.to_index(start)[0]))
    return shown_at(placement, (s, float(a), float(r)))


def counted_words(lesions: Lesions) -> str:
    """How many there are, in a line."""
    count = len(lesions.measures)
    total = sum(each.volume_ml for each in lesions.measures)
    if not count:
        return "No lesion."
    return f"{count} lesion{'s' * (count > 1)}, {total:.2f} ml in all"


def followed_words(followed: Followed) -> str:
    """How many there are of each fate, in a line."""
    counts = ((fate, len(followed.found.of_fate(fate))) for fate in medseg.Fate)
    words = ", ".join(f"{n} {fate.value}" for fate, n in counts if n) or "No lesion"
    return f"{words}. Mind: {followed.mind}." if followed.mind else words


def panoptic_of(wanted: Wanted, report: Report) -> medseg.Panoptic:
    """Tell lesions apart, each with a confidence where that is known.

    Raises:
        WrongUse: INVALID_OPTION, where no model has said where it sees centres.
        MedSegError: As `medseg.separate_instances` and `as_stored`.
    """
    choice, centres = wanted.choice, wanted.centres
    if choice.is_stored:
        return as_stored(with_counted(wanted.segmentation, choice.counted), wanted.file)
    if choice.needs_centres and centres is None:
        raise no_centres(wanted.segmentation.case_id)
    labels = with_counted(wanted.segmentation, choice.counted)
    told = medseg.separate_instances(labels, choice.rules, wanted.scan, report, centres)
    if wanted.confidence is None:
        return told
    sure = wanted.confidence.means(wanted.segmentation, told)
    instances = (replace(e, confidence=sure.get(e.number)) for e in told.instances)
    return replace(told, instances=tuple(instances))


def _baseline_of(
    later: Lesions, earlier: Wanted, report: Report
) -> tuple[medseg.Panoptic, str]:
    """The lesions of an earlier label map, and what to mind of them."""
    labels = earlier.segmentation
    stored, why = find_stored(earlier.file, labels)
    mind = f"the baseline's own lesions cannot be read ({why})" if why else ""
    if stored is None:
        separated = replace(earlier, choice=replace(earlier.choice, is_stored=False))
        return panoptic_of(separated, report), mind
    # What is gone by now is in the earlier labels only, and counts.
    left_out = set(later.panoptic.labels.names) - later.choice.counted
    things = things_of(stored.segmentation)
    names = {each.name for each in labels.labels if each.id in things} - left_out
    counted = with_counted(labels, names)
    return with_lesions(counted, stored, stored.instance_map), mind
