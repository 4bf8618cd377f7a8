"""Studies of datasets of regions and of voxels that nobody looked at."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import medseg
from medseg import StudyFiles, StudySettings
from medseg.core.regions import Region
from medseg.study.consensus import majority_of
from medseg.study.reader_scoring import CONSENSUS
from medseg.study.results import ALL_STRUCTURES
from tests.core.evaluation.regions import (
    GEOMETRY,
    IGNORED,
    REGIONS,
    masks_of,
    random_map,
    write_map,
    write_predictions,
    write_regions,
)
from tests.core.making import dice, segmentation_of
from tests.core.study.studies import FEW_SAMPLES

SETTINGS = StudySettings(bootstrap=FEW_SAMPLES, worst=1, metrics=("dice",))
NAMES = (("base", 10), ("ours", 20))
SEEN = (0, 1, 2, IGNORED)
NUMBERS = medseg.LabelSet.from_names((n, f"label {n}") for n in range(1, 5))
NESTED = tuple(
    Region(name=name, ids=tuple(ids), painted_as=label)
    for label, (name, ids) in enumerate(REGIONS.items(), start=1)
)


def mean_dice(region, predictions, references) -> float:
    return float(
        np.mean(
            [
                dice(*masks_of(region, predictions[case], references[case]))
                for case in references
            ]
        )
    )


@dataclass(frozen=True)
class Done:
    """A written study, and the arrays of all its files, by case."""

    study: medseg.Study
    out: Path
    references: dict[str, np.ndarray]
    models: dict[str, dict[str, np.ndarray]]
    second: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Done:
    """Two models, the probabilities of one, and a reader beside the references."""
    folder = tmp_path_factory.mktemp("regions")
    references = write_regions(folder / "set", 2)
    made = {name: write_predictions(folder / name, seed, 2) for name, seed in NAMES}
    second = {c: random_map(30 + n, SEEN) for n, c in enumerate(references)}
    for case, array in second.items():
        write_map(folder / f"second/{case}.nii.gz", array)
    for case, prediction in made["ours"].items():
        chosen = np.stack([np.isin(prediction, ids) for ids in REGIONS.values()])
        medseg.write_probabilities(
            medseg.Volume(
                array=np.where(chosen, 0.75, 0.25).astype(np.float32),
                geometry=GEOMETRY,
                channels=(*REGIONS,),
            ),
            folder / f"p/{case}.nii.gz",
        )
    files = StudyFiles(
        reference=folder / "set",
        models={name: folder / name for name in made},
        readers={"second": folder / "second"},
        probabilities={"ours": folder / "p"},
    )
    study = medseg.run_study(files, folder / "out", settings=SETTINGS)
    return Done(study, folder / "out", references, made, second)


def test_models_are_compared_by_regions_with_pictures_of_them(done):
    assert done.study.structures == (*REGIONS,)
    assert done.study.excluded == ()
    for each in done.study.summaries:
        if each.structure != ALL_STRUCTURES and each.metric == "dice":
            maps = done.models[each.model]
            wanted = mean_dice(each.structure, maps, done.references)
            assert each.mean.value == pytest.approx(wanted)
    page = (done.out / "report.html").read_text(encoding="utf-8")
    assert page.count('<div class="picture">') == len(NAMES)
    assert "ignored" not in (done.out / "scores.csv").read_text()


def test_readers_are_compared_where_both_looked(done):
    found = {
        (each.first, each.second): each.mean.value
        for each in done.study.readers
        if (each.structure, each.metric) == ("core", "dice")
    }
    both = {
        case: np.where(done.second[case] == IGNORED, IGNORED, reference)
        for case, reference in done.references.items()
    }
    wanted = mean_dice("core", done.second, both)
    assert found["second", "reference"] == pytest.approx(wanted)
    wanted = mean_dice("core", done.models["ours"], done.second)
    assert found["ours", "second"] == pytest.approx(wanted)
    assert ("ours", CONSENSUS) in found
    assert not any("not compared" in remark for remark in done.study.remarks)


def test_calibration_is_that_of_regions_where_somebody_looked(done):
    calibrations = done.study.calibrations
    assert [each.structure for each in calibrations] == [*REGIONS]
    for each in calibrations:
        pairs = [
            masks_of(each.structure, done.models["ours"][case], reference)
            for case, reference in done.references.items()
        ]
        predicted, true = (np.concatenate(masks) for masks in zip(*pairs, strict=True))
        assert sum(part.voxels for part in each.bins) == predicted.size
        probability = np.where(predicted, 0.75, 0.25)
        assert each.brier == pytest.approx(np.mean((probability - true) ** 2), abs=1e-3)


def test_readers_vote_on_a_region_whichever_label_they_chose():
    votes = np.array([[1, 2, 0], [2, 3, 1], [3, 3, 2], [1, 0, 0]], np.uint8)
    readers = [segmentation_of(votes[:, [n], None]) for n in range(3)]
    agreed = majority_of(readers, NESTED).array[:, 0, 0]
    # of three: two in the tumour, and one in its core; three and two; three and two
    assert agreed.tolist() == [1, 2, 3, 0]


def test_regions_of_the_consensus_are_those_that_most_readers_see():
    readers = [random_map(seed) for seed in (1, 2, 3)]
    maps = [segmentation_of(each, GEOMETRY, NUMBERS) for each in readers]
    agreed = majority_of(maps, NESTED).array
    for region in NESTED:
        masks = [np.isin(each, region.ids) for each in readers]
        most = np.any([a & b for a, b in combinations(masks, 2)], axis=0)
        np.testing.assert_array_equal(np.isin(agreed, region.ids), most)
