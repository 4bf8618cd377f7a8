"""A network's logits brought back onto the scan's own grid, a few rows at a time.

The inverse of `prepare`. Nothing that has a value for every output at every voxel is
ever made, unless probabilities are asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float16, Float32, Integer
from torch import Tensor

from medseg.core.plan import Plan, Recipe
from medseg.core.prepared import Prepared
from medseg.core.volume import LabelArray
from medseg.preprocessing.answers import Answers, answer_counts, with_means
from medseg.preprocessing.boxes import box_slices
from medseg.preprocessing.expectation import Expectation, expectation_of
from medseg.preprocessing.mapping import grid_mapping
from medseg.preprocessing.orientation import oriented
from medseg.preprocessing.out_of_memory import is_out_of_memory
from medseg.preprocessing.slab_resampling import RestoredRows, resampled_slabs
from medseg.preprocessing.slabs import LogitsSlab
from medseg.preprocessing.uncertainty import (
    disagreement_of,
    entropy_of,
    mirror_variance_of,
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to make of the logits beside the label map.

    Attributes:
        probabilities: Of every output at every voxel, 2 bytes each.
        uncertainty: Entropy, and disagreement where several networks give logits; what
            Dice each of them expects.
        mirror_variance: With uncertainty, also how far mirrored copies vary. The rows
            that windows still overlap are then held once for every copy.
    """

    probabilities: bool = False
    uncertainty: bool = False
    mirror_variance: bool = False

    def __post_init__(self) -> None:
        if self.mirror_variance and not self.uncertainty:
            raise ValueError(
                "the variance over mirrored copies is asked for with uncertainty"
            )


LABELS_ONLY = Wanted()


@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """A network's answer on the scan's own grid.

    Attributes:
        labels: Label numbers. A voxel has the label with the largest resampled logit; a
            plan's regions are each where theirs is above 0, painted in their order.
            Outside the prepared box is background.
        probabilities: Of each of the plan's outputs: those of background and every
            structure add up to 1, those of regions are independent.
        entropy: 0 where the network is sure, 1 where all outputs are equally likely.
        disagreement: Of an ensemble's networks; 0 where they agree.
        mirror_variance: Of a network's mirrored copies; 0 where they give the same.
        expectation: Of each network by itself; None for overlapping regions.
    """

    labels: LabelArray
    probabilities: Float16[np.ndarray, "output i j k"] | None = None
    entropy: Float16[np.ndarray, "i j k"] | None = None
    disagreement: Float16[np.ndarray, "i j k"] | None = None
    mirror_variance: Float16[np.ndarray, "i j k"] | None = None
    expectation: Expectation | None = None


def restored(
    slabs: Iterable[LogitsSlab],
    prepared: Prepared,
    plan: Plan,
    wanted: Wanted = LABELS_ONLY,
    copies: int = 1,
) -> Restored:
    """Resample logits slab by slab and decide on labels, on the slabs' device.

    Exact where nothing was resampled. For a MONAI bundle probabilities are resampled
    instead of logits, as its own transforms do it.

    Where memory runs out it goes on with fewer rows at once, then in main memory.

    Args:
        slabs: All rows of the prepared grid, in order; gone through once. The answer of
            several members is that of the mean of their logits.
        prepared: The scan they belong to.
        plan: The one it was prepared for.
        wanted: What is made beside the label map.
        copies: How many mirrored copies of each network are among the members, one
            network's after the other's.
    """
    values = (_to_resample(slab, plan, copies) for slab in slabs)
    mappings = grid_mapping(prepared, plan)
    painter = _Painter(plan, copies)
    # Before the first slab: with little address space fewer windows are computed at
    # once, rather than no labels made.
    labels = np.zeros(prepared.source.shape, _label_type(plan))
    maps: Restored | None = None
    for rows in resampled_slabs(values, mappings, prepared.crop_shape):
        if maps is None:
            counts = painter.counts(len(rows.values))
            maps = _background(labels, plan, wanted, *counts)
        _paint(painter, rows, maps, prepared)
    if maps is None:
        raise ValueError("there are no logits to restore")
    return maps


def _paint(
    painter: "_Painter", rows: RestoredRows, maps: Restored, prepared: Prepared
) -> None:
    """Some rows, in parts where memory runs out."""
    try:
        painter.paint(rows, _within_box(maps, prepared, rows))
    except (RuntimeError, MemoryError) as error:
        smaller = rows.in_less_memory()
        if not smaller or not is_out_of_memory(error):
            raise
    else:
        return
    for some in smaller:
        _paint(painter, some, maps, prepared)


def _to_resample(slab: LogitsSlab, plan: Plan, copies: int) -> LogitsSlab:
    """Logits; or probabilities of their mean, of several networks and of copies."""
    if plan.recipe is not Recipe.MONAI:
        return slab
    try:
        return replace(slab, logits=_probable(slab.logits, plan, copies))
    except (RuntimeError, MemoryError) as error:
        if slab.logits.device.type == "cpu" or not is_out_of_memory(error):
            raise
    return replace(slab, logits=_probable(slab.logits.cpu(), plan, copies))


def _probable(
    logits: Float32[Tensor, "member output rows a b"], plan: Plan, copies: int
) -> Float32[Tensor, "answer output rows a b"]:
    logits = with_means(logits, copies)
    return logits.sigmoid() if plan.regions else logits.softmax(1)


def _background(
    labels: LabelArray, plan: Plan, wanted: Wanted, networks: int, copies: int
) -> Restored:
    """The answer for all that lies outside the box, with labels of it."""
    shape = labels.shape
    probabilities = None
    if wanted.probabilities:
        probabilities = np.zeros((len(plan.output_names), *shape), np.float16)
        if not plan.regions:
            probabilities[0] = 1

    def sure(*, is_asked_for: bool) -> np.ndarray | None:
        is_made = wanted.uncertainty and is_asked_for
        return np.zeros(shape, np.float16) if is_made else None

    expectation = None
    if wanted.uncertainty and not plan.regions:
        expectation = Expectation.nothing_yet(networks, len(plan.output_names))
    return Restored(
        labels=labels,
        probabilities=probabilities,
        entropy=sure(is_asked_for=True),
        disagreement=sure(is_asked_for=networks > 1),
        mirror_variance=sure(is_asked_for=wanted.mirror_variance and copies > 1),
        expectation=expectation,
    )


def _label_type(plan: Plan) -> type[np.uint8 | np.uint16]:
    return np.uint8 if max(plan.labels.ids) < 256 else np.uint16


def _within_box(maps: Restored, prepared: Prepared, rows: RestoredRows) -> Restored:
    """Views of the maps: some rows of the box, counted first, outputs last."""
    return Restored(
        labels=_rows_of(maps.labels, prepared, rows),
        probabilities=_rows_of_some(maps.probabilities, prepared, rows),
        entropy=_rows_of_some(maps.entropy, prepared, rows),
        disagreement=_rows_of_some(maps.disagreement, prepared, rows),
        mirror_variance=_rows_of_some(maps.mirror_variance, prepared, rows),
        expectation=maps.expectation,
    )


def _rows_of_some(
    array: np.ndarray | None, prepared: Prepared, rows: RestoredRows
) -> np.ndarray | None:
    return None if array is None else _rows_of(array, prepared, rows)


def _rows_of(array: np.ndarray, prepared: Prepared, rows: RestoredRows) -> np.ndarray:
    turned = oriented(array, prepared.axes, prepared.flipped)
    box = box_slices(prepared.crop_start, prepared.crop_shape)
    lead = array.ndim - 3
    within = np.moveaxis(turned[..., *box], lead + rows.axis, lead)
    return within[..., rows.rows, :, :]


class _Painter:
    """Turns resampled values into labels and the rest."""

    def __init__(self, plan: Plan, copies: int) -> None:
        self._plan = plan
        self._copies = copies
        self._are_probabilities = plan.recipe is Recipe.MONAI
        self._sure_from = 0.5 if self._are_probabilities else 0.0

    def paint(self, rows: RestoredRows, onto: Restored) -> None:
        """Write some rows into views of the maps."""
        answers = self._answers_of(rows.values)
        mean, plan = answers.mean, self._plan
        onto.labels[...] = labels_of(mean, plan, sure_from=self._sure_from)
        if onto.probabilities is None and onto.entropy is None:
            return
        probabilities = self._probabilities(mean)
        shares = probabilities.movedim(-1, 0)
        overlapping = bool(plan.regions)
        if onto.probabilities is not None:
            onto.probabilities[...] = _float16(shares)
        if onto.entropy is not None:
            onto.entropy[...] = _float16(entropy_of(shares, overlapping=overlapping))
        members = probabilities[None]
        if onto.disagreement is not None:
            members = self._probabilities(answers.networks)
            differing = disagreement_of(members.movedim(-1, 1), overlapping=overlapping)
            onto.disagreement[...] = _float16(differing)
        if onto.mirror_variance is not None:
            copies = self._probabilities(answers.copies).movedim(-1, 2)
            varying = mirror_variance_of(copies, overlapping=overlapping)
            onto.mirror_variance[...] = _float16(varying)
        if onto.expectation is not None:
            # Last of all: rows that memory does not suffice for are painted again.
            onto.expectation.add(expectation_of(members))

    def counts(self, values: int) -> tuple[int, int]:
        """How many networks gave so many values, and how many copies of each."""
        return answer_counts(values, self._copies, have_means=self._are_probabilities)

    def _answers_of(self, values: Float32[Tensor, "answer rows a b output"]) -> Answers:
        """Whose values they are; probabilities come with their means."""
        make = Answers.of_means if self._are_probabilities else Answers.of_members
        return make(values, self._copies)

    def _probabilities(
        self, values: Float32[Tensor, "... output"]
    ) -> Float32[Tensor, "... output"]:
        if self._are_probabilities:
            return values
        return values.sigmoid() if self._plan.regions else values.softmax(-1)


def labels_of(
    values: Float32[Tensor, "i j k output"], plan: Plan, *, sure_from: float
) -> Integer[np.ndarray, "i j k"]:
    """The label of each voxel: of the largest value, or painted region over region.

    Args:
        values: Logits or probabilities.
        plan: What its outputs are.
        sure_from: Above it, a region is there: 0 for logits, 0.5 for probabilities.
    """
    ids = np.array([0, *plan.labels.ids], _label_type(plan))
    if not plan.regions:
        winner = values.argmax(-1).to(torch.uint8)
        chosen: np.ndarray = ids[winner.cpu().numpy()]
        return chosen
    present = (values > sure_from).cpu().numpy()
    labels = np.zeros(present.shape[:3], ids.dtype)
    for place, region in enumerate(plan.regions):
        labels[present[..., place]] = region.painted_as
    return labels


def _float16(values: Tensor) -> np.ndarray:
    half: np.ndarray = values.to(torch.float16).cpu().numpy()
    return half
