"""Probabilities: read as they are written, calibration and doubt by hand."""

from dataclasses import replace

import numpy as np
import pytest

import medseg
from medseg import ErrorCode, StudySettings, UnusableInput
from medseg.io.probabilities import find_probabilities, read_probabilities
from medseg.study.probabilities import ProbabilityFiles, certainty_of, confidence_of
from tests.core.study.files import GEOMETRY, SHAPE, labels_of, write_maps
from tests.core.study.studies import FEW_SAMPLES


def probabilities_of(segmentation, sure: float) -> np.ndarray:
    """So much for the label that was chosen, the rest shared by the other two."""
    chosen = np.stack([segmentation.array == label for label in range(3)])
    return np.where(chosen, sure, (1 - sure) / 2).astype(np.float32)


def write_nifti(path, array) -> None:
    names = ("background", "liver", "spleen")
    volume = medseg.Volume(array=array, geometry=GEOMETRY, channels=names)
    medseg.write_probabilities(volume, path)


@pytest.fixture
def files(tmp_path) -> ProbabilityFiles:
    """Four cases; the surer the model, the better it is."""
    predictions = {f"c{n}": labels_of(4 + n) for n in range(4)}
    references = {f"c{n}": labels_of(4) for n in range(4)}
    write_maps(tmp_path / "model", predictions)
    write_maps(tmp_path / "reference", references)
    for n, (case, prediction) in enumerate(predictions.items()):
        array = probabilities_of(prediction, 0.9 - 0.1 * n)
        write_nifti(tmp_path / f"p/{case}.nii.gz", array)
    return ProbabilityFiles(
        model="model",
        folder=tmp_path / "p",
        predictions={c: tmp_path / f"model/{c}.nii.gz" for c in predictions},
        references={c: tmp_path / f"reference/{c}.nii.gz" for c in references},
        described=None,
    )


def study_of(files) -> medseg.Study:
    scores = [
        medseg.Scores(
            case_id=case,
            rows=medseg.score(
                medseg.read_segmentation(path),
                medseg.read_segmentation(files.references[case]),
            ).rows,
        )
        for case, path in files.predictions.items()
    ]
    settings = StudySettings(bootstrap=FEW_SAMPLES)
    return medseg.compare({"model": scores}, settings=settings)


def certainty(files):
    return certainty_of(study_of(files), files, lambda _: None)


def test_a_model_that_knows_its_errors_has_the_best_possible_area(files):
    found = certainty(files)
    assert [each.structure for each in found.risks] == ["liver", "spleen"]
    liver = found.risks[0]
    assert liver.n == 4
    assert liver.spearman == pytest.approx(1.0)
    assert liver.aurc == pytest.approx(liver.best_aurc)
    assert liver.aurc < liver.random_aurc
    assert found.risks[1].spearman is None  # the spleen is always right
    assert found.remarks == ()


def test_structures_are_those_of_the_numbers_whatever_the_files_call_them(files):
    (named,) = study_of(files).scores.values()
    rows = [[replace(r, structure=r.structure.title()) for r in c.rows] for c in named]
    scores = [replace(c, rows=tuple(r)) for c, r in zip(named, rows, strict=True)]
    settings = StudySettings(bootstrap=FEW_SAMPLES)
    other = medseg.compare({"model": scores}, settings=settings)

    found = certainty_of(other, files, lambda _: None)

    assert [each.structure for each in found.risks] == ["Liver", "Spleen"]
    assert found.risks[0].aurc == certainty(files).risks[0].aurc
    assert len(found.calibrations) == 2


def test_calibration_counts_what_is_near_the_structure(files):
    spleen = certainty(files).calibrations[1]
    # 0.9, 0.8, 0.7, 0.6 where it is, the rest elsewhere: right in every voxel.
    gaps = [0.1, 0.2, 0.3, 0.4]
    here, elsewhere = 4 / 12, 8 / 12
    wanted = np.mean([g * here + g / 2 * elsewhere for g in gaps])
    assert spleen.expected_error == pytest.approx(wanted, abs=1e-3)
    assert sum(part.voxels for part in spleen.bins) == 4 * np.prod(SHAPE)


def test_confidence_is_the_mean_where_the_model_puts_it():
    probability = np.array([0.9, 0.7, 0.4, 0.0], np.float32).reshape(4, 1, 1)
    there = np.array([True, True, False, False]).reshape(4, 1, 1)
    assert confidence_of(probability, there) == pytest.approx(0.8)
    nowhere = np.zeros_like(there)
    assert confidence_of(probability, nowhere) == pytest.approx(0.1)


def test_files_of_nnunet_are_read_with_their_axes_turned(tmp_path):
    segmentation = labels_of(5, 3)
    array = probabilities_of(segmentation, 0.8)
    path = tmp_path / "c0.npz"
    np.savez(path, probabilities=array.transpose(0, 3, 2, 1))
    found = find_probabilities(tmp_path, "c0")
    assert found == path
    read = read_probabilities(path, segmentation)
    assert read.channels == ("background", "liver", "spleen")
    np.testing.assert_array_equal(read.array, array)


def test_cases_without_probabilities_and_damaged_ones_are_told(files):
    found = find_probabilities(files.folder, "c1")
    assert found is not None
    found.unlink()
    broken = find_probabilities(files.folder, "c2")
    assert broken is not None
    broken.write_bytes(b"no image")
    certain = certainty(files)
    assert certain.risks[0].n == 2
    assert "no probabilities by model of 1 case (c1)" in certain.remarks[0]
    assert "of 1 case could not be used" in certain.remarks[1]
    assert "c2: " in certain.remarks[1]
    assert str(files.folder) not in " ".join(certain.remarks)


@pytest.mark.parametrize(
    ("array", "code"),
    [
        (np.full((2, *SHAPE[::-1]), 0.5), ErrorCode.CHANNEL_MISMATCH),
        (np.full((3, *SHAPE), 0.5), ErrorCode.CHANNEL_MISMATCH),
        (np.full((3, *SHAPE[::-1]), 7.0), ErrorCode.NOT_FINITE),
        (np.full((3, *SHAPE[::-1]), np.nan), ErrorCode.NOT_FINITE),
    ],
)
def test_arrays_that_are_no_probabilities_of_these_labels_are_refused(
    tmp_path, array, code
):
    path = tmp_path / "c0.npz"
    np.savez(path, probabilities=array)
    with pytest.raises(UnusableInput) as error:
        read_probabilities(path, labels_of(4))
    assert error.value.code is code


@pytest.mark.parametrize("damage", ["empty", "cut", "altered", "text", "npy"])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    path = tmp_path / "c0.npz"
    rng = np.random.default_rng(0)
    np.savez_compressed(path, probabilities=rng.random((3, *SHAPE[::-1])))
    whole = path.read_bytes()
    middle = len(whole) // 2
    np.save(tmp_path / "array.npy", np.zeros(4))
    contents = {
        "empty": b"",
        "cut": whole[:middle],
        "altered": whole[:middle] + bytes(99) + whole[middle + 99 :],
        "text": b"text",
        "npy": (tmp_path / "array.npy").read_bytes(),
    }
    path.write_bytes(contents[damage])
    with pytest.raises(UnusableInput) as error:
        read_probabilities(path, labels_of(4))
    assert error.value.code is ErrorCode.NOT_READABLE


def test_an_archive_with_pickled_objects_is_not_opened(tmp_path):
    path = tmp_path / "c0.npz"
    np.savez(path, probabilities=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UnusableInput) as error:
        read_probabilities(path, labels_of(4))
    assert error.value.code is ErrorCode.NOT_READABLE
