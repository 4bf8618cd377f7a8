"""Whole runs over small scans, with a model that has learned nothing."""

import csv
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

import medseg
from medseg.core.acceptance import Accepted
from medseg.core.cohort import CaseState
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.progress import Cancelled
from tests.core.cohort.small_cohort import AFFINE, CASES, Run, write_scan
from tests.core.making import TINY_PLAN, dice


def test_every_case_has_its_files_and_a_row_in_every_table(run):
    status = run()

    assert status.is_complete
    assert [case_id for case_id, _ in status.states] == list(CASES)
    for name in CASES:
        label_map = medseg.read_segmentation(run.out / f"segmentations/{name}.nii.gz")
        assert label_map.provenance is not None
        assert label_map.case_id == name
        picture = (run.out / f"thumbnails/{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
    volumes = (run.out / "volumes.csv").read_text().splitlines()
    assert len(volumes) == 1 + len(CASES) * len(TINY_PLAN.labels)
    page = (run.out / "index.html").read_text()
    assert all(f'data-name="{name}"' in page for name in CASES)


def test_scores_are_those_of_the_evaluation_command(finished):
    evaluation = medseg.evaluate(
        finished.out / "segmentations", finished.scans / "references"
    )
    medseg.write_scores(evaluation, finished.out / "again.csv")
    assert (finished.out / "scores.csv").read_text() == (
        finished.out / "again.csv"
    ).read_text()


def test_references_of_regions_are_scored_where_somebody_looked(run):
    labels = {"background": 0, "bright": [1, 2], "brightest": 2, "ignore": 3}
    description = {"labels": labels, "regions_class_order": [1, 2]}
    (run.scans / "dataset.json").write_text(json.dumps(description))
    references = {}
    for number, name in enumerate(CASES):
        values = np.random.default_rng(number).integers(0, 4, (20, 18, 12))
        references[name] = values.astype(np.uint8)
        image = nib.Nifti1Image(references[name], AFFINE)
        nib.save(image, run.scans / f"references/{name}.nii.gz")

    status = run()

    assert status.is_complete
    assert not status.unscored
    with (run.out / "scores.csv").open(newline="") as file:
        rows = {(row["case"], row["structure"]): row for row in csv.DictReader(file)}
    for name, reference in references.items():
        path = run.out / f"segmentations/{name}.nii.gz"
        predicted = medseg.read_segmentation(path).array
        looked_at = reference != 3
        for region, ids in (("bright", [1, 2]), ("brightest", [2])):
            masks = [np.isin(each, ids)[looked_at] for each in (predicted, reference)]
            found = float(rows[name, region]["dice"])
            assert found == pytest.approx(dice(*masks), abs=1e-6)


def test_nothing_is_done_twice(run):
    assert run().is_complete
    before = run.files()

    run()

    assert run.begun == 0
    assert run.files() == before


def test_only_what_is_missing_or_was_changed_is_done_again(finished):
    (finished.out / "segmentations/a.nii.gz").unlink()
    write_scan(finished.scans, "b", 77)

    finished()

    assert finished.begun == 2


def test_another_setting_makes_everything_anew(finished, model):
    other = Run(finished.scans, model, thumbnails=False)
    other()

    assert other.begun == len(CASES)


def test_a_bad_scan_is_listed_and_the_run_goes_on(run):
    bad = run.scans / "images/b.nii.gz"
    bad.write_bytes(bad.read_bytes()[:500])

    status = run()

    (failure,) = status.failures
    assert (failure.case_id, failure.code) == ("b", ErrorCode.TRUNCATED_FILE)
    assert status.count(CaseState.DONE) == len(CASES) - 1
    assert "TRUNCATED_FILE" in (run.out / "failures.csv").read_text()
    assert "TRUNCATED_FILE" in (run.out / "index.html").read_text()
    write_scan(run.scans, "b", 1)
    assert run().is_complete
    assert run.begun == 1


def test_parts_that_are_merged_equal_the_whole(run, scans, model):
    run()
    whole = run.files()
    parts = Run(scans, model)
    parts.out = scans.parent / "parts"

    for number in (1, 2):
        parts(shard=medseg.Shard(number, 2))
    assert not (parts.out / "scores.csv").exists()
    assert medseg.merge_cohort(parts.out).is_complete

    assert parts.files() == whole


def test_a_run_that_is_stopped_goes_on_later(run):
    def stop(progress):
        if progress.done:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(on_progress=stop)
    assert medseg.cohort_status(run.out).count(CaseState.RUNNING) == 0
    assert run().is_complete


def test_a_folder_with_something_else_in_it_is_left_alone(run):
    run.out.mkdir()
    (run.out / "thesis.txt").write_text("all of it")

    with pytest.raises(WrongUse, match="OUTPUT_EXISTS"):
        run()

    assert [path.name for path in run.out.iterdir()] == ["thesis.txt"]


def test_a_model_that_is_not_there_is_told_before_anything_is_written(run):
    run.make = replace(run.make, models=("no-such-model",))

    with pytest.raises(WrongUse, match="UNKNOWN_MODEL"):
        run()

    assert not run.out.exists()


def test_no_path_and_no_name_of_the_machine_is_in_what_is_shared(finished):
    shared = [*finished.out.glob("cases/*"), *finished.out.glob("segmentations/*.json")]
    shared += [
        finished.out / "index.html",
        finished.out / "cases.csv",
        finished.out / "scores.csv",
    ]
    for path in shared:
        assert str(finished.scans) not in path.read_text(), path


def test_status_of_no_cohort_says_so(tmp_path):
    with pytest.raises(UnusableInput, match="no cohort was run here"):
        medseg.cohort_status(tmp_path)


def test_accepting_more_does_only_what_was_refused(run, scans, model):
    conflicting(scans / "images/b.nii.gz")
    (failure,) = run().failures
    assert (failure.case_id, failure.code) == ("b", ErrorCode.SFORM_QFORM_CONFLICT)

    more = Run(scans, model, accept=(Accepted.SFORM_QFORM_CONFLICT,))
    assert more().is_complete
    assert more.begun == 1

    less = Run(scans, model)
    less()
    assert less.begun == 1


def test_a_reference_that_does_not_fit_does_not_cost_the_result(run):
    image = nib.Nifti1Image.from_filename(run.scans / "references/b.nii.gz")
    moved = nib.Nifti1Image(np.asarray(image.dataobj), np.diag([-3.0, -2.0, 3.0, 1.0]))
    nib.save(moved, run.scans / "references/b.nii.gz")

    status = run()

    assert status.count(CaseState.DONE) == len(CASES)
    assert not status.is_complete
    (problem,) = status.problems
    assert (problem.case_id, problem.code) == ("b", ErrorCode.GRID_MISMATCH)
    assert (run.out / "segmentations/b.nii.gz").exists()
    assert "GRID_MISMATCH,reference: " in (run.out / "failures.csv").read_text()
    assert "\nb," not in (run.out / "scores.csv").read_text()
    run()
    assert run.begun == 0
    write_scan(run.scans, "b", 1)
    assert run().is_complete
    assert run.begun == 1


def conflicting(path):
    """A file whose two headers place it 50 mm apart."""
    image = nib.Nifti1Image.from_filename(path)
    image.set_sform(image.affine, code=1)
    aside = image.affine.copy()
    aside[0, 3] += 50
    image.set_qform(aside, code=1)
    content = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(content, None, image.header), path)
