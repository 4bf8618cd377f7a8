"""Scores fitted to cases that were new to a network, and their way into the model."""

import csv
import hashlib
import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sklearn.model_selection import KFold

import medseg
from medseg import (
    Cancelled,
    Device,
    ErrorCode,
    InferenceSettings,
    UnusableInput,
    WrongUse,
)
from medseg.cli.app import run
from medseg.core.model_info import WeightFile
from medseg.models import load_networks, save_model, weights_bytes
from medseg.networks import build_network
from medseg.quality.judging import judged_structure
from medseg.quality.observing import CaseQuality
from medseg.quality.unseen import ALL_NETWORKS, unseen_by
from tests.core.making import TINY_PLAN, untrained_info
from tests.core.training.cubes import write_cubes

COUNT = 20
DOCS = Path(__file__).parents[3] / "docs"
QUICK = InferenceSettings(device=Device("cpu"), mirror=False, overlap=0.0)
PLAN = replace(
    TINY_PLAN, labels=medseg.LabelSet.from_names([(1, "cube")]), mirror_axes=()
)


def made_model(folder, cases, folds, learned=None):
    """Networks of chance weights that claim to have learned from cases in folds."""
    files, weights = [], []
    for fold in folds:
        with torch.random.fork_rng():
            torch.manual_seed(9 if fold is None else fold)
            weights.append(weights_bytes(build_network(PLAN)))
        digest = hashlib.sha256(weights[-1]).hexdigest()
        name = "all_cases" if fold is None else f"fold_{fold}"
        files.append(WeightFile(path=f"weights/{name}.safetensors", sha256=digest))
    learned = cases if learned is None else learned
    info = untrained_info(PLAN, files[0], folder.name)
    record = replace(
        info.training,
        cases=tuple(learned),
        image_sha256=tuple(learned.values()),
        held_out=tuple(name for name in cases if name not in learned),
    )
    save_model(replace(info, weights=tuple(files), training=record), weights, folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return medseg.read_dataset(write_cubes(tmp_path_factory.mktemp("data"), COUNT))


@pytest.fixture(scope="module")
def hashes(data):
    return {case.id: medseg.read_volume(case.images[0]).sha256 for case in data.cases}


@pytest.fixture(scope="module")
def parts(hashes):
    """Held-out ids of each fold, by scikit-learn."""
    ids = sorted(hashes)
    split = KFold(5, shuffle=True, random_state=12345).split(ids)
    return [{ids[place] for place in held_out} for _, held_out in split]


@pytest.fixture
def five(tmp_path, hashes):
    return made_model(tmp_path / "five", hashes, range(5))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, hashes, data):
    folder = made_model(tmp_path_factory.mktemp("models") / "five", hashes, range(5))
    return folder, medseg.fit_model_quality(folder, data, QUICK)


class TestWhoIsAsked:
    def test_each_case_is_for_the_network_of_the_fold_that_held_it_out(
        self, five, hashes, parts
    ):
        unseen = unseen_by(load_networks(five))
        for fold, held_out in enumerate(parts):
            for name in held_out:
                assert unseen.network_for(hashes[name]) == fold

    def test_folds_are_told_by_the_names_of_weights_and_not_by_their_place(
        self, tmp_path, hashes, parts
    ):
        unseen = unseen_by(load_networks(made_model(tmp_path / "two", hashes, [3, 1])))
        for fold, expected in enumerate([None, 1, None, 0, None]):
            for name in parts[fold]:
                assert unseen.network_for(hashes[name]) == expected

    def test_a_scan_that_is_new_to_the_model_is_for_all_networks(self, five):
        assert unseen_by(load_networks(five)).network_for("0" * 64) == ALL_NETWORKS

    def test_what_the_model_started_from_had_learned_is_new_to_none(self, five, hashes):
        model = load_networks(five)
        first = hashes["cube_000"]
        record = replace(model.info.training, earlier_image_sha256=(first,))
        started = replace(model, info=replace(model.info, training=record))
        assert unseen_by(started).network_for(first) is None

    def test_a_scan_with_two_names_is_new_only_where_both_were_held_out(
        self, five, hashes, parts
    ):
        one, other = min(parts[0]), min(parts[1])
        model = load_networks(five)
        twins = {**hashes, other: hashes[one]}
        record = replace(
            model.info.training, cases=tuple(twins), image_sha256=tuple(twins.values())
        )
        same = replace(model, info=replace(model.info, training=record))
        assert unseen_by(same).network_for(hashes[one]) is None


def test_a_model_of_one_fold_is_asked_about_its_fifth(tmp_path, data, hashes, parts):
    learned = {n: h for n, h in hashes.items() if n not in parts[0]}
    folder = made_model(tmp_path / "one", hashes, [0], learned)
    stages = []
    with pytest.raises(WrongUse, match="4 cases are too few") as refused:
        medseg.fit_model_quality(
            folder, data, QUICK, on_progress=lambda told: stages.append(told.stage)
        )
    assert refused.value.code is ErrorCode.INVALID_OPTION
    assert set(stages) == {"looking"}  # no case was segmented to find that out
    assert not (folder / "quality").exists()
    assert not (folder / "quality.json").exists()


def test_a_refusal_after_all_cases_were_seen_leaves_nothing_in_the_model(
    five, data, hashes
):
    def train_on(progress):
        if progress.stage == "observing" and progress.done == COUNT:
            made_model(five, hashes, [2])

    with pytest.raises(UnusableInput, match="was trained on while") as refused:
        medseg.fit_model_quality(five, data, QUICK, on_progress=train_on)
    assert refused.value.code is ErrorCode.DAMAGED_MODEL
    assert not (five / "quality").exists()


def test_a_model_that_learned_from_every_case_is_refused(tmp_path, data, hashes):
    folder = made_model(tmp_path / "all", hashes, [None])
    with pytest.raises(WrongUse, match="learned from every case of Cubes"):
        medseg.fit_model_quality(folder, data, QUICK)
    assert not (folder / "quality").exists()


class TestWhatIsWritten:
    def test_dice_and_doubt_are_those_of_the_network_that_was_asked(
        self, fitted, data, parts
    ):
        folder, made = fitted
        model = medseg.load_model(folder)
        for fold, held_out in enumerate(parts):
            name = min(held_out)
            judged = next(e for e in made.structures[0].cases if e.case_id == name)
            assert judged.network == fold
            case = next(case for case in data.cases if case.id == name)
            scan = medseg.read_volume(case.images[0], channels={"MRI": case.images[0]})
            alone = replace(model, networks=(model.networks[fold],))
            labels, shares = medseg.segment_with_probabilities(scan, alone, QUICK)
            reference = medseg.read_segmentation(case.reference, labels=data.labels)
            scores = medseg.score(labels, reference)
            assert judged.observed.dice == scores["cube"].dice
            p, m = shares.array[1].astype(float), labels.array == 1
            expected = 2 * p[m].sum() / (p.sum() + m.sum())
            found = judged.observed.found.single_expected_dice
            assert found == pytest.approx(expected, abs=2e-3)

    def test_it_is_loaded_with_the_model(self, fitted):
        folder, made = fitted
        assert medseg.load_model(folder).quality == made.quality
        assert not (folder / "quality/unfinished").exists()

    def test_tables_and_figure_are_beside_it(self, fitted):
        folder, made = fitted
        with (folder / "quality/cases.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == COUNT
        assert {row["network"] for row in rows} == set("01234")
        curve = made.structures[0].curve
        with (folder / "quality/risk_coverage.csv").open() as file:
            risks = [float(row["risk"]) for row in csv.DictReader(file)]
        assert risks == pytest.approx(curve.risk, abs=1e-6)
        picture = (folder / "quality/risk_coverage.png").read_bytes()
        assert picture.startswith(b"\x89PNG")

    def test_a_case_is_predicted_without_those_of_its_network(self, fitted, parts):
        _, made = fitted
        judged = made.structures[0].cases
        others = [e.observed for e in judged if e.case_id not in parts[2]]
        score = medseg.fit_quality(others, ("single_expected_dice", "single_entropy"))
        for each in judged:
            if each.case_id in parts[2]:
                expected = score.predicted_dice(each.observed.found)
                assert each.predicted_dice == pytest.approx(expected)

    def test_a_prediction_comes_with_its_dice(self, fitted, data):
        folder, made = fitted
        scan = medseg.read_volume(data.cases[0].images[0])
        request = medseg.Request(wanted=medseg.Wanted(uncertainty=True))
        model = medseg.load_model(folder)
        (found,) = medseg.predict(scan, model, QUICK, request=request).structures
        (score,) = made.quality.scores
        assert found.predicted_dice == score.predicted_dice(found)
        assert found.predicted_dice is not None
        assert found.mean_disagreement is not None  # five networks

    def test_a_run_of_other_settings_says_that_its_dice_is_doubtful(self, fitted, data):
        scan = medseg.read_volume(data.cases[0].images[0])
        request = medseg.Request(wanted=medseg.Wanted(uncertainty=True))
        model = medseg.load_model(fitted[0])

        def notes(settings, asked=request):
            made = medseg.predict(scan, model, settings, request=asked).segmentation
            assert made.provenance is not None
            return [n for n in made.provenance.notes if "predicted Dice" in n]

        other = replace(QUICK, mirror=not QUICK.mirror)
        (note,) = notes(other)
        assert f"mirror {QUICK.mirror}, not {other.mirror}" in note
        assert not notes(QUICK)
        assert not notes(other, medseg.Request())


def test_a_stopped_fit_leaves_whole_files_and_goes_on(five, data):
    asked = []

    def until_seven(progress):
        if progress.stage == "observing":
            asked.append(progress.note)
        if len(asked) == 7:
            raise Cancelled

    with pytest.raises(Cancelled):
        medseg.fit_model_quality(five, data, QUICK, on_progress=until_seven)
    assert not (five / "quality.json").exists()
    kept = sorted((five / "quality/unfinished").iterdir())
    assert len(kept) == 7
    changed = json.loads(kept[0].read_text())
    changed["case"]["observations"][0]["dice"] = 0.125
    kept[0].write_text(json.dumps(changed))
    (kept[1]).write_text("{")
    made = medseg.fit_model_quality(five, data, QUICK)
    dice = {each.case_id: each.observed.dice for each in made.structures[0].cases}
    assert dice[kept[0].stem] == 0.125  # taken, not done again
    assert dice[kept[1].stem] != 0.125
    assert len(dice) == COUNT


def test_damaged_scores_and_those_of_other_weights_are_refused(
    fitted, tmp_path, hashes
):
    folder, _ = fitted
    content = json.loads((folder / "quality.json").read_text())
    other = made_model(tmp_path / "other", hashes, [0, 1])
    wrong = {
        "other weights": content,
        "not one of ours": content
        | {"scores": [content["scores"][0] | {"weights": []}]},
        "Field required": {"results": []},
        "schema version 9": content | {"schema_version": 9},
    }
    for what, each in wrong.items():
        (other / "quality.json").write_text(json.dumps(each))
        with pytest.raises(UnusableInput, match=what) as refused:
            medseg.load_model(other)
        assert refused.value.code is ErrorCode.DAMAGED_MODEL


def test_a_model_trained_anew_has_no_scores_of_the_old_one(tmp_path, hashes):
    folder = made_model(tmp_path / "again", hashes, [0, 1])
    (folder / "quality.json").write_text("{}")
    made_model(folder, hashes, [2])
    assert medseg.load_model(folder).quality is None


def test_saving_the_same_weights_again_keeps_the_scores(tmp_path, hashes):
    """As `medseg train --resume` does when all was trained already."""
    folder = made_model(tmp_path / "again", hashes, [0, 1])
    (folder / "quality.json").write_text("{}")
    made_model(folder, hashes, [0, 1])
    assert (folder / "quality.json").read_text() == "{}"


def case_of(number, network, expected=0.8):
    doubt = medseg.StructureUncertainty(
        structure="cube",
        label=1,
        voxels=9,
        mean_entropy=0.1 + 0.001 * number,
        single_expected_dice=expected,
    )
    observation = medseg.QualityObservation(found=doubt, dice=0.7 + 0.002 * number)
    return CaseQuality(
        case_id=f"c{number}", network=network, observations=(observation,)
    )


def test_many_new_cases_and_a_few_of_one_network_are_enough():
    cases = [case_of(n, ALL_NETWORKS if n < 60 else 0) for n in range(68)]
    judged = judged_structure("cube", cases)
    assert judged is not None
    assert len(judged.cases) == 68


def test_a_case_that_no_network_found_by_itself_is_left_out_and_drops_no_figure():
    cases = [case_of(n, n % 2, expected=0.8 + 0.001 * (n % 7)) for n in range(40)]
    judged = judged_structure("cube", [*cases, case_of(99, 0, expected=None)])
    assert judged is not None
    assert len(judged.cases) == 40
    assert "single_expected_dice" in judged.score.features


def missed(number):
    """A case whose reference has a cube and in which nothing was found."""
    doubt = medseg.StructureUncertainty(structure="cube", label=1, voxels=0)
    observation = medseg.QualityObservation(found=doubt, dice=0.0)
    return CaseQuality(
        case_id=f"c{number}", network=number % 2, observations=(observation,)
    )


def test_cases_in_which_nothing_was_found_are_counted_and_in_no_other_figure():
    """They are in the table of cases, without a prediction."""
    cases = [case_of(n, n % 2, expected=0.8 + 0.001 * (n % 7)) for n in range(40)]
    without = judged_structure("cube", cases)
    judged = judged_structure("cube", [*cases, *(missed(n) for n in (98, 99, 100))])
    assert without is not None
    assert judged is not None
    assert [each.predicted_dice for each in judged.cases[40:]] == [None] * 3
    result, usual = judged.result(0.75), without.result(0.75)
    assert (result.cases, result.not_found) == (40, 3)
    assert usual.not_found == 0
    assert result == replace(usual, not_found=3)
    assert len(judged.curve.coverage) == 40
    quality = medseg.ModelQuality(
        scores=(), results=(result,), model_sha256="", dataset="Cubes"
    )
    header, row = (line.split() for line in quality.table().splitlines())
    assert row[header.index("not_found")] == "3"


def test_the_script_of_the_documents_counts_by_the_same_rule(monkeypatch):
    """One was found, one missed, one is nowhere, one was found by no network alone."""
    monkeypatch.syspath_prepend(str(DOCS))
    looked = importlib.import_module("measure_quality").Looked()
    for voxels, predicted, dice in (
        (9, 0.7, 0.8),
        (0, None, 0.0),
        (0, None, None),
        (3, None, 0.1),
    ):
        found = medseg.StructureUncertainty(
            structure="cube", label=1, voxels=voxels, predicted_dice=predicted
        )
        real = medseg.StructureScore(
            structure="cube",
            label=1,
            state=medseg.MaskState.BOTH_PRESENT,
            dice=dice,
            iou=None,
            volume_ml=1.0,
            reference_volume_ml=1.0,
        )
        looked.add(found, real)
    assert looked.pairs == [(0.7, 0.8)]
    assert looked.not_found == 1
    sys.modules.pop("measure_quality")


def test_what_no_network_finds_by_itself_has_no_predicted_dice(fitted):
    _, made = fitted
    (found,) = case_of(0, 0, expected=None).observations
    (told,) = made.quality.judged([found.found])
    assert told.predicted_dice is None


def test_a_share_that_is_no_dice_is_refused():
    with pytest.raises(WrongUse, match="a Dice is between 0 and 1"):
        medseg.QualitySettings(poor_below=80.0)


class TestCommands:
    def test_segment_tells_and_writes_the_dice_to_expect(
        self, fitted, data, tmp_path, capsys
    ):
        folder, _ = fitted
        out = tmp_path / "labels.nii.gz"
        words = ["segment", str(data.cases[0].images[0]), "-m", str(folder)]
        words += ["-o", str(out), "--device", "cpu", "--save-uncertainty"]
        assert run(words) == 0
        beside = json.loads((tmp_path / "labels.json").read_text())
        (found,) = beside["uncertainty"]
        told = capsys.readouterr().out
        assert f"predicted Dice {found['predicted_dice']:.3f}" in told

    def test_fit_refuses_in_one_line_a_model_that_learned_from_every_case(
        self, data, hashes, tmp_path, capsys
    ):
        folder = made_model(tmp_path / "all", hashes, [None])
        dataset = data.cases[0].images[0].parents[1]
        assert run(["quality", "fit", str(folder), str(dataset)]) == 2
        assert "learned from every case" in capsys.readouterr().err
