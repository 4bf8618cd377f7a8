"""What a run would do to earlier results is said before it is done."""

import json
from dataclasses import replace

import pytest

import medseg
from medseg.cohort.folder.places import Places
from medseg.cohort.folder.records import records_of, settle
from medseg.cohort.keys import asked_for, made_with
from medseg.core.cohort import Manifest
from medseg.core.settings import InferenceSettings
from medseg.evaluation.settings import EvaluationSettings
from tests.core.making import TINY_PLAN, save_untrained


@pytest.fixture(scope="module")
def made(tmp_path_factory, model):
    """A folder as a run leaves it, as far as changes look at it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "scans").mkdir()
    cases = []
    for name in ("a", "b", "c"):
        path = folder / f"scans/{name}.nii.gz"
        path.touch()
        cases.append(medseg.CohortCase(case_id=name, images=(path,), reference=path))
    manifest = Manifest(cases=tuple(cases))
    make = medseg.WhatToMake(models=(str(model),))
    out = folder / "out"
    out.mkdir()
    records = records_of(Places(out), manifest, make, made_with(asked_for(make)))
    settle(records, is_alone=True)
    return manifest, out, make


def test_the_same_again_changes_nothing(made):
    assert medseg.cohort_changes(*made) == ()


def test_a_new_folder_has_nothing_to_lose(made, tmp_path):
    manifest, _, make = made
    assert medseg.cohort_changes(manifest, tmp_path / "new", make) == ()


def test_other_settings_are_named_with_what_they_were(made):
    manifest, out, make = made
    other = replace(
        make,
        inference=InferenceSettings(mirror=False),
        evaluation=EvaluationSettings(tolerance_mm=2.0),
    )
    (line,) = medseg.cohort_changes(manifest, out, other)
    assert "all cases are done anew" in line
    assert "mirror was True, is False" in line
    assert "tolerance_mm was none, is 2" in line
    assert "overlap" not in line


def test_other_weights_of_a_model_of_the_same_name_are_said(made, tmp_path):
    manifest, out, make = made
    name = make.models[0].rpartition("/")[2]
    other = save_untrained(replace(TINY_PLAN, widths=(4, 8, 12)), tmp_path / name)
    (line,) = medseg.cohort_changes(manifest, out, replace(make, models=(str(other),)))
    assert line.endswith("weights of a model were changed")


def test_cases_that_are_no_more_in_the_list_are_counted(made):
    manifest, out, make = made
    fewer = Manifest(cases=manifest.cases[:1])
    (line,) = medseg.cohort_changes(fewer, out, make)
    assert line.startswith("2 cases of the earlier list, such as b, not in this one")


def test_references_that_are_no_more_named_are_counted(made):
    manifest, out, make = made
    without = tuple(replace(case, reference=None) for case in manifest.cases)
    (line,) = medseg.cohort_changes(Manifest(cases=without), out, make)
    assert line.startswith("3 cases had a reference and have none now, such as a")


def test_an_earlier_version_wrote_no_settings_down(made, tmp_path):
    manifest, out, make = made
    described = json.loads((out / "cohort.json").read_text())
    del described["settings"]
    described["made_with"] = "something else"
    (tmp_path / "cohort.json").write_text(json.dumps(described))
    (tmp_path / "manifest.csv").write_bytes((out / "manifest.csv").read_bytes())
    (line,) = medseg.cohort_changes(manifest, tmp_path, make)
    assert line.startswith("earlier results here were made by another version")


def test_a_damaged_list_is_no_obstacle(made, tmp_path):
    manifest, out, make = made
    (tmp_path / "cohort.json").write_bytes((out / "cohort.json").read_bytes())
    (tmp_path / "manifest.csv").write_text("x\n1\n")
    assert medseg.cohort_changes(manifest, tmp_path, make) == ()


def test_a_damaged_description_is_no_obstacle(made, tmp_path):
    manifest, out, make = made
    (tmp_path / "cohort.json").write_text("{")
    (tmp_path / "manifest.csv").write_bytes((out / "manifest.csv").read_bytes())
    assert medseg.cohort_changes(manifest, tmp_path, make) == ()
