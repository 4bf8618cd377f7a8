"""All folds in one go."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import medseg
from medseg import Cancelled, ErrorCode, Folds, WrongUse
from medseg.core.case import Dataset
from medseg.inference import keep_largest_pieces
from medseg.training import train
from medseg.training.cross_validation import piece_effects
from tests.core.training.cubes import QUICK, write_cubes

ALL = replace(QUICK, fold=Folds.ALL, tolerance_mm=2.0)


@pytest.fixture(scope="module")
def cubes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return medseg.read_dataset(write_cubes(tmp_path_factory.mktemp("cubes")))


@pytest.fixture(scope="module")
def validated(cubes: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "cubes"
    train(cubes, out, ALL)
    return out


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_network_for_every_fold(validated, cubes):
    model = medseg.load_model(validated)
    assert [weight.path for weight in model.info.weights] == [
        f"weights/fold_{fold}.safetensors" for fold in range(5)
    ]
    assert set(model.info.training.cases) == {case.id for case in cubes.cases}
    assert model.info.training.held_out == ()


def test_every_case_is_scored_once_by_the_network_that_did_not_see_it(validated, cubes):
    rows = rows_of(validated / "cross_validation/scores.csv")
    assert [row["case"] for row in rows] == [case.id for case in cubes.cases]
    info = medseg.load_model(validated).info
    (result,) = info.results
    assert result.cases == len(cubes.cases)
    assert result.mean_dice == pytest.approx(
        np.mean([float(row["dice"]) for row in rows]), abs=1e-6
    )
    assert {row["tolerance_mm"] for row in rows} == {"2.0"}
    assert result.mean_nsd == pytest.approx(
        np.mean([float(row["nsd"]) for row in rows]), abs=1e-6
    )
    assert f"| {result.mean_nsd:.4f} |" in (validated / "MODEL_CARD.md").read_text()
    for case in cubes.cases:
        path = validated / f"cross_validation/predictions/{case.id}.nii.gz"
        made = medseg.read_segmentation(path).provenance
        assert made is not None
        assert not made.is_trained_on


def test_each_fold_alone_is_trained_the_same(validated, cubes, tmp_path):
    train(cubes, tmp_path / "alone", replace(QUICK, fold=3))
    name = "weights/fold_3.safetensors"
    assert (tmp_path / "alone" / name).read_bytes() == (validated / name).read_bytes()


def test_a_stopped_cross_validation_goes_on_where_it_was(validated, cubes, tmp_path):
    out = tmp_path / "stopped"

    def stop(progress: medseg.Progress) -> None:
        if (progress.stage, progress.done) == ("training fold_2", 3):
            raise Cancelled

    with pytest.raises(Cancelled):
        train(cubes, out, ALL, on_progress=stop)
    assert len(medseg.load_model(out).networks) == 2
    seen: list[str] = []
    train(cubes, out, ALL, resume=True, on_progress=lambda p: seen.append(p.stage))
    assert "training" not in seen
    assert "training fold_1" not in seen
    for fold in range(5):
        name = f"weights/fold_{fold}.safetensors"
        assert (out / name).read_bytes() == (validated / name).read_bytes()
    table = "cross_validation/scores.csv"
    assert (out / table).read_text() == (validated / table).read_text()


def test_a_finished_cross_validation_is_not_replaced_by_less(validated, cubes):
    before = (validated / "model.json").read_bytes()
    with pytest.raises(WrongUse) as refusal:
        train(cubes, validated, replace(QUICK, fold=0), resume=True)
    assert refusal.value.code is ErrorCode.OUTPUT_EXISTS

    def stop(progress: medseg.Progress) -> None:
        if progress.stage == "validating":
            raise Cancelled

    with pytest.raises(Cancelled):
        train(cubes, validated, ALL, resume=True, on_progress=stop)
    assert (validated / "model.json").read_bytes() == before


def test_a_structure_keeps_its_largest_piece_where_that_helps():
    tried: list[list[list[tuple[float, float] | None]]]
    tried = [[[(0.5, 0.7)], [(0.9, 0.8)]], [[(0.6, 0.6)], [None]]]
    names = {"liver": ("liver",), "tumour": ("tumour",)}
    first, second = piece_effects(names, tried)
    assert first.dice == pytest.approx((0.55,))
    assert first.dice_largest_piece == pytest.approx((0.65,))
    assert first.helps
    assert (second.cases, second.helps) == ((1,), False)


def test_what_helps_one_region_and_harms_another_is_not_done():
    tried = [[[(1.0, 0.98), (0.8, 1.0)]]]
    (effect,) = piece_effects({"core": ("whole", "core")}, tried)
    assert not effect.helps


def test_pieces_of_other_structures_stay():
    array = np.zeros((9, 9, 9), np.uint8)
    array[0, 0, 0] = array[2:4, 2:4, 2:4] = array[8, 8, 8] = 1
    array[5, 5, 5] = array[8, 0, 0] = 2
    kept = keep_largest_pieces(array, [1])
    assert kept.sum() == 8 + 2 * 2
    assert_array_equal(kept == 2, array == 2)
    assert array[0, 0, 0] == 1
