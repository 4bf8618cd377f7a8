"""Label maps named as BIDS derivatives."""

import csv
import json

import pytest

import medseg
from medseg.cohort.folder.bids import bids_name
from medseg.core.errors import UnusableInput
from tests.core.cohort.small_cohort import CASES, Run, write_scan
from tests.core.making import TINY_PLAN


@pytest.mark.parametrize(
    ("case_id", "name"),
    [
        ("sub-01", "sub-01/anat/sub-01_desc-medseg_dseg.nii.gz"),
        (
            "sub-01_ses-2_acq-thin_run-1",
            "sub-01/ses-2/anat/sub-01_ses-2_acq-thin_run-1_desc-medseg_dseg.nii.gz",
        ),
        (
            "sub-01_space-MNI_desc-preproc",
            "sub-01/anat/sub-01_space-MNI_desc-medseg_dseg.nii.gz",
        ),
        ("patient_7.b", "sub-patient7b/anat/sub-patient7b_desc-medseg_dseg.nii.gz"),
        ("sub-01_T1w", "sub-01/anat/sub-01_desc-medseg_dseg.nii.gz"),
        ("sub-01_ses-a_ct", "sub-01/ses-a/anat/sub-01_ses-a_desc-medseg_dseg.nii.gz"),
        ("sub-01_sub-02", "sub-sub01sub02/anat/sub-sub01sub02_desc-medseg_dseg.nii.gz"),
        (
            "sub-1_run-1_run-2",
            "sub-sub1run1run2/anat/sub-sub1run1run2_desc-medseg_dseg.nii.gz",
        ),
        ("sub-01_odd", "sub-sub01odd/anat/sub-sub01odd_desc-medseg_dseg.nii.gz"),
    ],
)
def test_names_follow_the_specification(case_id, name):
    assert bids_name(case_id).as_posix() == name


def test_a_cohort_is_a_dataset_of_derivatives(scans, model):
    run = Run(scans, model, bids_names=True)

    assert run().is_complete

    description = json.loads((run.out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    for name in CASES:
        path = run.out / f"sub-{name}/anat/sub-{name}_desc-medseg_dseg.nii.gz"
        assert medseg.read_segmentation(path).provenance is not None
        with path.with_name(f"sub-{name}_desc-medseg_dseg.tsv").open() as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        labels = {int(row["index"]): row["name"] for row in rows}
        assert labels == {each.id: each.name for each in TINY_PLAN.labels}
    top = [path for path in run.out.iterdir() if not path.name.startswith("sub-")]
    ignored = (run.out / ".bidsignore").read_text().split()
    for path in top:
        if path.name not in ("dataset_description.json", ".bidsignore"):
            mark = f"/{path.name}{'/' if path.is_dir() else ''}"
            assert any(path.match(f"*{line.strip('/')}") for line in ignored), mark


def test_probabilities_are_ignored(scans, model):
    run = Run(scans, model, bids_names=True, save_probabilities=True)

    run()

    ignored = (run.out / ".bidsignore").read_text().split()
    found = list(run.out.glob("sub-*/anat/*probabilities*"))
    assert len(found) == len(CASES)
    assert all(any(path.match(line) for line in ignored) for path in found)
    assert not any(
        path.match(line)
        for path in run.out.glob("sub-*/anat/*_dseg.nii.gz")
        for line in ignored
    )


def test_other_names_leave_none_of_the_earlier_files(scans, model):
    plain = Run(scans, model)
    plain()

    Run(scans, model, bids_names=True)()

    assert not list((plain.out / "segmentations").iterdir())
    assert len(list(plain.out.glob("sub-*/anat/*.nii.gz"))) == len(CASES)


def test_two_cases_that_would_be_one_file_are_refused(scans, model):
    write_scan(scans, "a_b", 1)
    write_scan(scans, "ab", 2)
    run = Run(scans, model, bids_names=True)

    with pytest.raises(UnusableInput, match="sub-ab"):
        run()

    assert not run.out.exists()
