"""Panoptic quality: by hand, by the definition pair by pair, and MONAI's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as npst
from monai.metrics.panoptic_quality import compute_panoptic_quality

import medseg
from medseg import (
    ErrorCode,
    Finding,
    Geometry,
    Instance,
    LabelSet,
    Panoptic,
    PanopticScores,
    StructureKind,
    UnusableInput,
    instance_matches_csv,
    judge_instances,
    match_instances,
    panoptic_total,
    score_panoptic,
)
from tests.core.making import segmentation_of

LIVER, TUMOUR, SPLEEN = 1, 4, 6
LABELS = LabelSet.from_names([(1, "liver"), (4, "liver tumour"), (6, "spleen")])
PIECES = npst.arrays(np.uint8, (4, 3, 2), elements={"max_value": 5})


def panoptic_of(labels, instances, geometry=None) -> Panoptic:
    numbers = sorted(set(np.unique(instances).tolist()) - {0})
    return Panoptic(
        segmentation=segmentation_of(labels, geometry, LABELS),
        instance_map=instances,
        instances=tuple(Instance(number=n, structure_id=TUMOUR) for n in numbers),
    )


def row(text: str) -> Panoptic:
    """A row of voxels: L liver, S spleen, a digit for a tumour's number."""
    ids = {"L": LIVER, "S": SPLEEN, ".": 0}
    labels = np.array([ids.get(each, TUMOUR) for each in text])
    numbers = np.array([int(each) if each.isdigit() else 0 for each in text])
    return panoptic_of(labels[:, None, None], numbers[:, None, None])


def made_of(pieces) -> Panoptic:
    """0 is background, 1 liver, 2 spleen, above them tumours 1, 2, 3."""
    labels = np.array([0, LIVER, SPLEEN, TUMOUR, TUMOUR, TUMOUR])[pieces]
    return panoptic_of(labels, np.where(pieces > 2, pieces - 2, 0))


def figures(score) -> tuple[float | None, ...]:
    return score.pq, score.sq, score.rq


def counts(score) -> tuple[int, int, int]:
    found = score.detection
    return found.found, found.spurious, found.missed


def test_by_hand():
    """Liver IoU 4/6; tumours: 3/4 found, one of two halves is one of IoU 1/2: none."""
    reference = row("LLLLLL..111...2222..")
    prediction = row("LLLL....1111..33.5.5")
    scores = score_panoptic(prediction, reference)
    assert figures(scores["liver"]) == pytest.approx((2 / 3, 2 / 3, 1))
    assert counts(scores["liver"]) == (1, 0, 0)
    assert counts(scores["liver tumour"]) == (1, 2, 1)
    assert scores["liver tumour"].sq == pytest.approx(3 / 4)
    assert scores["liver tumour"].rq == pytest.approx(1 / (1 + 2 / 2 + 1 / 2))
    assert scores["liver tumour"].pq == pytest.approx(0.75 / 2.5)
    assert scores["liver tumour"].kind is StructureKind.THING


def test_what_neither_holds_is_left_out_of_the_means():
    scores = score_panoptic(row("LL.11"), row("LL.11"))
    assert figures(scores["spleen"]) == (None, None, None)
    assert (scores.mean.n, scores.stuff.n, scores.things.n) == (2, 1, 1)
    assert figures(scores.mean) == (1, 1, 1)
    nothing = score_panoptic(row("..."), row("..."))
    assert figures(nothing.mean) == (None, None, None)
    assert nothing.mean.n == 0


def test_what_is_missed_or_spurious_counts_0_in_the_means():
    scores = score_panoptic(row("LLSS.."), row("LL..11"))
    assert figures(scores["spleen"]) == figures(scores["liver tumour"]) == (0, 0, 0)
    assert counts(scores["spleen"]) == (0, 1, 0)
    assert counts(scores["liver tumour"]) == (0, 0, 1)
    assert figures(scores.mean) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert figures(scores.stuff) == (0.5, 0.5, 0.5)
    assert figures(scores.things) == (0, 0, 0)


def test_stuff_is_one_segment_in_however_many_pieces():
    assert counts(score_panoptic(row("L.L.L"), row("L.L.L"))["liver"]) == (1, 0, 0)


def test_an_iou_of_one_half_is_no_match():
    scores = score_panoptic(row("11.."), row("1111"))
    assert counts(scores["liver tumour"]) == (0, 1, 1)


def test_the_right_place_and_the_wrong_structure_is_no_match():
    scores = score_panoptic(row("SSSS"), row("1111"))
    assert counts(scores["spleen"]) == (0, 1, 0)
    assert counts(scores["liver tumour"]) == (0, 0, 1)


def test_one_lesion_taken_for_two_touching_ones_costs_both():
    """What a label map alone cannot tell: Dice is 1, and one of three is found."""
    together, apart = row("1111111"), row("1112222")
    scores = score_panoptic(together, apart)
    assert counts(scores["liver tumour"]) == (1, 0, 1)
    assert scores["liver tumour"].pq == pytest.approx(4 / 7 / 1.5)
    semantic = medseg.score(together.segmentation, apart.segmentation)
    assert semantic["liver tumour"].dice == 1


def test_each_lesion_is_found_false_or_missed():
    """One found at an IoU of 3/4, one exactly; a third of one is too little."""
    matches = match_instances(row("1111..33.5.LL"), row(".111..33444LL"))
    assert [(m.prediction, m.reference, m.finding) for m in matches] == [
        (1, 1, Finding.FOUND),
        (3, 3, Finding.FOUND),
        (5, None, Finding.FALSE),
        (None, 4, Finding.MISSED),
    ]
    assert [m.iou for m in matches] == pytest.approx([3 / 4, 1, 1 / 3, 1 / 3])
    assert {(m.structure, m.label) for m in matches} == {("liver tumour", TUMOUR)}


def test_what_is_counted_on_one_side_only_is_not_matched():
    scene = row("11..2")
    stuff = tuple(
        replace(each, kind=StructureKind.STUFF) for each in scene.segmentation.labels
    )
    bare = Panoptic(
        segmentation=replace(scene.segmentation, labels=LabelSet(stuff)),
        instance_map=np.zeros_like(scene.instance_map),
        instances=(),
    )
    for compared in (match_instances, judge_instances):
        with pytest.raises(UnusableInput, match="MISMATCH: liver tumour is counted"):
            compared(scene, bare)


def test_matches_are_written_as_a_table():
    one = row("11..2")
    first, second = one.instances
    sure = replace(one, instances=(replace(first, confidence=0.25), second))
    matches = match_instances(sure, row("33.4."))
    assert instance_matches_csv({"c1": matches}).splitlines() == [
        "case,structure,label,finding,prediction,reference,iou,confidence",
        "c1,liver tumour,4,found,1,3,1.0,0.25",
        "c1,liver tumour,4,false,2,,0.0,",
        "c1,liver tumour,4,missed,,4,0.0,",
    ]
    assert len(instance_matches_csv({"c1": ()}).splitlines()) == 1


@given(PIECES, PIECES)
def test_judged_at_once_they_are_as_judged_one_by_one(a, b):
    prediction, reference = made_of(a), made_of(b)
    judged = judge_instances(prediction, reference)
    assert judged.scores == score_panoptic(prediction, reference)
    assert judged.matches == match_instances(prediction, reference)


@given(PIECES, PIECES)
def test_matches_are_those_that_are_scored(a, b):
    """As many of each kind, and the same IoUs; every lesion once."""
    prediction, reference = made_of(a), made_of(b)
    matches = match_instances(prediction, reference)
    score = score_panoptic(prediction, reference)["liver tumour"].detection
    ious = {each: [m.iou for m in matches if m.finding is each] for each in Finding}
    counted = [len(ious[each]) for each in Finding]
    assert counted == [score.found, score.spurious, score.missed]
    assert sum(ious[Finding.FOUND]) == pytest.approx(score.summed_iou)
    assert all(iou <= 0.5 for each in list(Finding)[1:] for iou in ious[each])
    for side, panoptic in (("prediction", prediction), ("reference", reference)):
        numbers = [getattr(m, side) for m in matches if getattr(m, side) is not None]
        assert sorted(numbers) == [each.number for each in panoptic.instances]


@given(PIECES, PIECES)
def test_any_two_maps_are_scored_as_the_definition_says(a, b):
    """Every segment with every other, as Kirillov et al. (2019) define a match."""
    scores = score_panoptic(made_of(a), made_of(b))
    for label, pieces in ((LIVER, [1]), (SPLEEN, [2]), (TUMOUR, [3, 4, 5])):
        predicted = [a == piece for piece in pieces if (a == piece).any()]
        wanted = [b == piece for piece in pieces if (b == piece).any()]
        ious = [(p & w).sum() / (p | w).sum() for p in predicted for w in wanted]
        matched = [iou for iou in ious if iou > 0.5]
        fp, fn = len(predicted) - len(matched), len(wanted) - len(matched)
        score = next(each for each in scores.rows if each.label == label)
        assert counts(score) == (len(matched), fp, fn)
        total = len(matched) + fp / 2 + fn / 2
        if total:
            assert score.pq == pytest.approx(sum(matched) / total)
            assert score.rq == pytest.approx(len(matched) / total)
            assert score.pq == pytest.approx((score.sq or 0) * (score.rq or 0))


@given(PIECES, PIECES)
def test_things_are_scored_as_by_monai(a, b):
    score = score_panoptic(made_of(a), made_of(b))["liver tumour"]
    if score.is_absent:
        return
    flat, wanted = (
        torch.tensor(np.where(each > 2, each - 2, 0).astype(np.int32).reshape(12, 2))
        for each in (a, b)
    )
    for name in ("pq", "sq", "rq"):
        theirs = compute_panoptic_quality(flat, wanted, metric_name=name, remap=True)
        assert getattr(score, name) == pytest.approx(float(theirs), abs=1e-5)


@given(PIECES, PIECES)
def test_numbers_and_sides_may_be_swapped(a, b):
    """Any numbering is as good; false positives and negatives change places."""
    forth = score_panoptic(made_of(a), made_of(b))
    other = np.array([0, 1, 2, 5, 3, 4])
    back = score_panoptic(made_of(other[b]), made_of(a))
    for ours, theirs in zip(forth.rows, back.rows, strict=True):
        assert counts(ours) == tuple(np.array(counts(theirs))[[0, 2, 1]])
        assert figures(ours) == pytest.approx(figures(theirs))


def test_high_numbers_and_labels_do_not_meet():
    """A stuff's label and an instance's number may be the same number."""
    labels = np.array([LIVER, TUMOUR, SPLEEN])[:, None, None]
    numbers = np.array([0, 6, 0])[:, None, None]
    largest = np.array([0, 65535, 0])[:, None, None]
    scores = score_panoptic(panoptic_of(labels, numbers), panoptic_of(labels, largest))
    assert [counts(each) for each in scores.rows] == [(1, 0, 0)] * 3


def test_cases_are_summed_before_qualities_are_taken():
    """3 of 4 tumours found in all, not the mean of one half and of one."""
    first = score_panoptic(row("1..2"), row("1.4."))
    second = score_panoptic(row("1.2LL"), row("3.7L."))
    total = panoptic_total([first, second], "all")
    assert counts(total["liver tumour"]) == (3, 1, 1)
    assert total["liver tumour"].pq == pytest.approx(3 / 4)
    assert counts(total["liver"]) == (0, 1, 1)
    assert total.case_id == "all"


def test_maps_on_two_grids_are_refused():
    one = row("LL11")
    moved = Geometry(one.geometry.shape, np.diag([2.0, 1.0, 1.0, 1.0]))
    other = panoptic_of(one.segmentation.array, one.instance_map, moved)
    with pytest.raises(UnusableInput) as refused:
        score_panoptic(one, other)
    assert refused.value.code is ErrorCode.GRID_MISMATCH


def test_names_that_were_swapped_are_refused():
    one = row("LLSS")
    swapped = LabelSet.from_names([(1, "spleen"), (4, "liver tumour"), (6, "liver")])
    other = replace(one, segmentation=replace(one.segmentation, labels=swapped))
    with pytest.raises(UnusableInput) as refused:
        score_panoptic(one, other)
    assert refused.value.code is ErrorCode.LABEL_MISMATCH


def test_the_table_has_a_line_a_structure_and_the_means():
    scores = score_panoptic(row("LLSS.."), row("LL..11"))
    assert isinstance(scores, PanopticScores)
    lines = [line.split() for line in scores.table().splitlines()]
    assert lines[0] == ["case", "structure", "kind", "pq", "sq", "rq", "tp", "fp", "fn"]
    assert lines[1] == ["case", "liver", "stuff", *["1.000"] * 3, "1", "0", "0"]
    assert lines[4] == ["mean", "n=3", "all", *["0.333"] * 3]
    with pytest.raises(KeyError, match="there are liver, liver tumour, spleen"):
        scores["heart"]
