"""Several readers: agreement by hand, consensus, label maps that are missing."""

from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import EvaluationSettings, StudyFiles, StudySettings, WrongUse
from medseg.study.reader_scoring import CONSENSUS, ReaderFiles, score_pairs
from medseg.study.readers import reader_findings
from medseg.study.results import ALL_STRUCTURES
from tests.core.study.files import labels_of, write_maps, write_reference
from tests.core.study.studies import FEW_SAMPLES

SETTINGS = StudySettings(bootstrap=FEW_SAMPLES)
SCORING = EvaluationSettings(tolerance_mm=1.0)


def by_case(folder) -> dict[str, Path]:
    return {path.name.split(".")[0]: path for path in folder.glob("*.nii.gz")}


@pytest.fixture
def files(tmp_path) -> ReaderFiles:
    """Two further readers see one slice of liver more and two more."""
    maps = {
        "reference": write_reference(tmp_path / "reference"),
        "second": write_maps(
            tmp_path / "second", {f"c{n}": labels_of(5) for n in range(4)}
        ),
        "third": write_maps(
            tmp_path / "third", {f"c{n}": labels_of(6) for n in range(3)}
        ),
        "model": write_maps(
            tmp_path / "model", {f"c{n}": labels_of(5) for n in range(4)}
        ),
    }
    found = {name: by_case(folder) for name, folder in maps.items()}
    model = found.pop("model")
    return ReaderFiles(readers=found, models={"model": model}, described=None)


def study_of(files):
    scores = [
        medseg.score(
            medseg.read_segmentation(path),
            medseg.read_segmentation(files.readers["reference"][case]),
            tolerance_mm=1.0,
        )
        for case, path in sorted(files.models["model"].items())
    ]
    named = [
        medseg.Scores(case_id=f"c{n}", rows=each.rows) for n, each in enumerate(scores)
    ]
    return medseg.compare({"model": named}, settings=SETTINGS)


def means(found, metric="dice", structure="liver"):
    return {
        (each.first, each.second): (each.mean.value, each.mean.n)
        for each in found.agreements
        if (each.metric, each.structure) == (metric, structure)
    }


def test_each_pair_is_scored_on_the_cases_both_have(files):
    found = means(reader_findings(study_of(files), files, settings=SCORING))
    assert found == {
        ("second", "reference"): (pytest.approx(2 * 4 / 9), 4),
        ("third", "reference"): (pytest.approx(2 * 4 / 10), 3),
        ("third", "second"): (pytest.approx(2 * 5 / 11), 3),
        ("model", "reference"): (pytest.approx(2 * 4 / 9), 4),
        ("model", "second"): (pytest.approx(1.0), 4),
        ("model", "third"): (pytest.approx(2 * 5 / 11), 3),
        ("model", CONSENSUS): (pytest.approx(1.0), 3),  # two of three see five slices
    }


def test_all_structures_are_averaged_and_other_measures_there(files):
    found = reader_findings(study_of(files), files, settings=SCORING)
    assert means(found, "nsd", "liver")["second", "reference"][0] == 1.0
    overall = means(found, "dice", ALL_STRUCTURES)["second", "reference"][0]
    assert overall == pytest.approx((8 / 9 + 1) / 2)


def test_label_maps_that_are_missing_are_told(files):
    found = reader_findings(study_of(files), files, settings=SCORING)
    assert found.remarks == (
        "third has read 3 of 4 cases; comparisons with third and with the consensus "
        "leave out c3.",
    )


def test_a_damaged_label_map_costs_only_its_own_comparisons(files):
    files.readers["second"]["c1"].write_bytes(b"no image")
    found = reader_findings(study_of(files), files, settings=SCORING)
    counts = {pair: n for pair, (_, n) in means(found).items()}
    assert counts["second", "reference"] == 3
    assert counts["third", "reference"] == 3
    assert counts["model", CONSENSUS] == 2
    assert any(
        "second against reference: 1 case not compared" in r for r in found.remarks
    )
    assert any(remark.startswith("consensus: 1 case") for remark in found.remarks)


def test_workers_change_nothing(files):
    cases = ["c0", "c1", "c2", "c3"]
    one, two = (
        score_pairs(
            files,
            cases,
            EvaluationSettings(tolerance_mm=1.0, workers=workers),
            lambda _: None,
        )
        for workers in (1, 2)
    )
    for pair, scores in one.scores.items():
        assert {c: s.rows for c, s in scores.items()} == {
            c: s.rows for c, s in two.scores[pair].items()
        }


def test_structures_go_by_number_where_a_reader_has_no_names(files):
    for path in files.readers["second"].values():
        path.with_name(path.name.replace(".nii.gz", ".json")).unlink()
    found = means(reader_findings(study_of(files), files, settings=SCORING))
    assert found["model", "second"] == (pytest.approx(1.0), 4)


def test_names_that_stand_for_two_are_refused(tmp_path):
    for readers in ({"ours": tmp_path}, {"reference": tmp_path}, {CONSENSUS: tmp_path}):
        with pytest.raises(WrongUse, match="stands for two"):
            StudyFiles(reference=tmp_path, models={"ours": tmp_path}, readers=readers)


def test_agreement_is_that_of_scoring_by_hand(files):
    found = means(reader_findings(study_of(files), files), "hd95_mm")
    by_hand = medseg.score(labels_of(6), labels_of(4))["liver"].hd95_mm
    assert found["third", "reference"][0] == pytest.approx(by_hand)
    assert not np.isnan(found["third", "reference"][0])
