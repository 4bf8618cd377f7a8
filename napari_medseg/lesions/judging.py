"""Lesions compared with those of a reference; knows no Qt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

import medseg
from napari_medseg.layers.naming import disagreements, with_names_of
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.choice import Choice
from napari_medseg.lesions.contents import Lesions
from napari_medseg.lesions.stored import find_stored, things_of, with_lesions

Report = Callable[[medseg.Progress], object]

_NO_CONFIDENCE = (
    "No FROC: it needs the confidence that a model gives its lesions. Labels that the "
    "Segment panel made have it until they are edited; a file may store it."
)
_NO_LESION = "No FROC: the reference has no lesion."


class Page(StrEnum):
    """What is looked at of a comparison."""

    LESIONS = "Per lesion"
    STRUCTURES = "Per structure"
    FROC = "FROC"


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """A label map to compare with.

    Attributes:
        segmentation: The label map.
        shown: How it is shown.
        file: Where it was read from, which may tell of its lesions; None for nowhere.
    """

    segmentation: medseg.Segmentation
    shown: Placement
    file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class JudgedLesion:
    """A lesion that was found, is false, or was missed.

    Attributes:
        match: Which it is.
        prediction: What was measured of the predicted one.
        reference: What was measured of the reference's.
    """

    match: medseg.InstanceMatch
    prediction: medseg.InstanceMeasure | None
    reference: medseg.InstanceMeasure | None

    @property
    def part_to_show(self) -> medseg.InstanceMeasure | None:
        """The predicted lesion, or the reference's where it was missed."""
        return self.prediction or self.reference


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """How good the lesions are.

    Attributes:
        scores: Panoptic quality, one row a structure.
        lesions: The predicted ones, then those missed.
        curves: Sensitivity over false positives, one a structure; none where nothing
            tells how sure the lesions are.
        picture: Of the curves, as PNG; empty without any.
        why_no_curve: In words, of those structures that have none.
        mind: What to mind; empty for nothing.
        placement: How the lesions that were judged are shown.
    """

    scores: medseg.PanopticScores
    lesions: tuple[JudgedLesion, ...]
    curves: tuple[medseg.Froc, ...]
    picture: bytes
    why_no_curve: str
    mind: str
    placement: Placement

    @property
    def matches(self) -> tuple[medseg.InstanceMatch, ...]:
        """Which lesions are found, false and missed."""
        return tuple(each.match for each in self.lesions)


def judged(lesions: Lesions, reference: Reference, report: Report) -> Judged:
    """Compare lesions with those of a reference.

    Those of the reference are as its file tells, where it does; else they are told
    apart by the same rules, but in pieces where the model parts them: it has said
    nothing of what a reader drew.

    Raises:
        UnusableInput: GRID_MISMATCH, LABEL_MISMATCH.
        MedSegError: As `medseg.separate_instances`.
    """
    told, notes = _reference_lesions(lesions, reference, report)
    found = lesions.panoptic
    both = medseg.judge_instances(found, told)
    theirs = {m.number: m for m in medseg.measure_instances(told, None, report)}
    ours = {m.number: m for m in lesions.measures}
    curves, why = _curves(found, told)
    notes = (*notes, *disagreements(found.labels, told.labels)[:1])
    return Judged(
        scores=both.scores,
        lesions=tuple(
            JudgedLesion(
                match=each,
                prediction=ours.get(each.prediction or 0),
                reference=theirs.get(each.reference or 0),
            )
            for each in both.matches
        ),
        curves=curves,
        picture=medseg.froc_png(curves) if curves else b"",
        why_no_curve=why,
        mind=f"Mind: {'; '.join(notes)}." if notes else "",
        placement=lesions.placement,
    )


def judged_words(judged: Judged) -> str:
    """The result in a line or two."""
    findings = [each.finding for each in judged.matches]
    counts = [f"{findings.count(each)} {each.value}" for each in medseg.Finding]
    pq = judged.scores.things.pq
    quality = "" if pq is None else f"; PQ {pq:.3f}"
    return f"{', '.join(counts)}{quality}. {judged.mind}".rstrip()


def _curves(
    found: medseg.Panoptic, told: medseg.Panoptic
) -> tuple[tuple[medseg.Froc, ...], str]:
    """The curves of structures whose lesions have confidences, and what has none."""
    if not told.instances:
        return (), _NO_LESION
    unsure = {i.structure_id for i in found.instances if i.confidence is None}
    there = sorted({each.structure_id for each in told.instances})
    names = {each.id: each.name for each in (*told.labels, *found.labels)}
    if not set(there) - unsure:
        return (), _NO_CONFIDENCE
    case = found, _named(told, names)
    curves = medseg.instance_frocs([case], [names[i] for i in there if i not in unsure])
    left = ", ".join(names[each] for each in there if each in unsure)
    return curves, f"No confidence is known of {left}." if left else ""


def _named(panoptic: medseg.Panoptic, names: Mapping[int, str]) -> medseg.Panoptic:
    """The same lesions, their structures called otherwise."""
    labels = tuple(replace(each, name=names[each.id]) for each in panoptic.labels)
    named = replace(panoptic.segmentation, labels=medseg.LabelSet(labels))
    return replace(panoptic, segmentation=named)


def _reference_lesions(
    lesions: Lesions, reference: Reference, report: Report
) -> tuple[medseg.Panoptic, tuple[str, ...]]:
    """Of what is counted, and what to mind of how they were told apart."""
    choice = lesions.choice.without_model()
    named = with_names_of(
        _labels_on_grid_of(lesions, reference), lesions.panoptic.segmentation
    )
    counted = _counted(named, lesions.panoptic.labels, choice)
    numbered, why = find_stored(reference.file, reference.segmentation)
    notes = (f"the reference's own lesions cannot be read ({why})",) if why else ()
    if numbered is not None:
        if things_of(counted) <= things_of(numbered.segmentation):
            turned = _on_grid_of(lesions, numbered.instance_map, reference)
            return with_lesions(counted, numbered, turned), notes
        notes = ("the reference's file does not number all that is counted",)
    return medseg.separate_instances(counted, choice.rules, lesions.scan, report), notes


def _labels_on_grid_of(lesions: Lesions, reference: Reference) -> medseg.Segmentation:
    """The label map, its voxels in the order of those that are judged."""
    placement, labels = lesions.placement, reference.segmentation
    if not placement.shown.is_same_grid(reference.shown.shown):
        return labels  # refused where the two are compared
    array = _on_grid_of(lesions, labels.array, reference)
    return replace(labels, array=array, geometry=placement.source)


def _on_grid_of(
    lesions: Lesions, array: np.ndarray, reference: Reference
) -> np.ndarray:
    """Voxels of the reference in the order of those that are judged.

    As they are where the grids differ, which is refused where the two are compared.
    """
    placement, shown = lesions.placement, reference.shown
    if not placement.shown.is_same_grid(shown.shown):
        return array
    return placement.to_source(shown.to_shown(array)).copy()


def _counted(
    reference: medseg.Segmentation, judged: medseg.LabelSet, choice: Choice
) -> medseg.Segmentation:
    """The label map, that counted which is counted in the one judged.

    By name, or by number where it is called otherwise.
    """
    ids = {each.id for each in judged if each.name in choice.counted}
    kinds = medseg.StructureKind
    structures = tuple(
        replace(
            each,
            kind=kinds.THING
            if each.id in ids or each.name in choice.counted
            else kinds.STUFF,
        )
        for each in reference.labels
    )
    return replace(reference, labels=medseg.LabelSet(structures))
