from dataclasses import replace

import medseg
from napari_medseg.segment.model_words import (
    SHIPPED,
    details_of,
    provenance_words,
    summary_of,
)

HIPPOCAMPUS = medseg.read_model_info(medseg.model_folder("hippocampus"))


def test_a_summary_says_what_is_found_what_is_needed_and_the_licence():
    summary = summary_of(HIPPOCAMPUS)

    assert "Finds Anterior, Posterior." in summary
    assert "Needs MRI. Weights: CC-BY-SA-4.0." in summary


def test_of_many_structures_the_first_are_named_and_all_are_counted():
    names = tuple(f"organ {number}" for number in range(1, 42))
    plan = replace(
        HIPPOCAMPUS.plan, labels=medseg.LabelSet.from_names(enumerate(names, start=1))
    )

    summary = summary_of(replace(HIPPOCAMPUS, plan=plan))

    assert "Finds 41 structures: organ 1, organ 2" in summary
    assert "organ 40" not in summary


def test_details_hold_every_structure_with_its_scores_and_the_origin():
    details = details_of(HIPPOCAMPUS, SHIPPED)

    assert "From: shipped with MedSeg" in details
    assert HIPPOCAMPUS.training.dataset in details
    for result in HIPPOCAMPUS.results:
        assert f"mean Dice {result.mean_dice:.4f}" in details
        assert f"mean IoU {result.mean_iou:.4f}" in details


def test_details_say_where_the_axes_point_and_what_the_plan_is_for():
    reasons = (("axes", "taken as they lie"), ("mirror_axes", "as it was trained"))
    plan = replace(
        HIPPOCAMPUS.plan,
        axes=medseg.PatientAxes(codes="SPL"),
        spacing_mm=(3.0, 2.0, 1.5),
        reasons=reasons,
    )

    details = details_of(replace(HIPPOCAMPUS, plan=plan), SHIPPED)

    assert "3 x 2 x 1.5 mm along superior, posterior, left" in details
    for subject, reason in reasons:
        assert f"  {subject}: {reason}" in details.splitlines()


def test_a_plan_without_reasons_gives_none():
    plan = replace(HIPPOCAMPUS.plan, reasons=())
    details = details_of(replace(HIPPOCAMPUS, plan=plan), SHIPPED)
    assert "Why it is so" not in details


def test_provenance_tells_model_settings_versions_and_doubts():
    made = medseg.Provenance(
        case_id="c1",
        input_sha256="ab" * 32,
        model="hippocampus",
        model_sha256="cd" * 32,
        versions=(("medseg", "1.0"),),
        settings=(("device", "cpu"), ("overlap", "0.5")),
        notes=("the file names no modality: taken for MRI",),
        is_trained_on=True,
    )

    words = provenance_words(made)

    assert "Model: hippocampus (cdcdcdcdcdcd)" in words
    assert "Settings: device cpu, overlap 0.5" in words
    assert "taken for MRI" in words
    assert "trained on this very scan" in words
    assert words.endswith("Research use only. Not a medical device.")
