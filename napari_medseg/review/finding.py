"""The files, scores and predictions of a cohort found in its folders; knows no Qt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import medseg
from napari_medseg.review.cohort import Cohort, CohortCase
from napari_medseg.review.folders import CohortFolders
from napari_medseg.review.mixed import sort_out

_NO_FILES: Mapping[str, Path] = MappingProxyType({})
_Files = tuple[
    Mapping[str, tuple[Path, ...]],  # scans by case
    Mapping[str, Path],  # references by case
    Mapping[str, Mapping[str, Path]],  # label maps by model and case
]


def read_cohort(folders: CohortFolders) -> Cohort:
    """Find the files of each case and read the scores.

    Raises:
        MedSegError: What is wrong with a folder or the table; EMPTY_FOLDER when there
            is no case at all.
    """
    dataset = _dataset_of(folders)
    images, references, files = (
        _files_of_one_folder(folders)
        if folders.scans is not None and folders.scans == folders.predictions
        else _files_of(folders, dataset)
    )
    evaluations = {} if folders.scores is None else medseg.read_scores(folders.scores)
    scores = _of_the_models(evaluations, tuple(files))
    predicted = _predicted(folders, tuple(files))
    models = tuple(dict.fromkeys((*files, *scores, *predicted)))
    found: list[Mapping[str, object]] = [images, references]
    found += [*files.values(), *scores.values(), *predicted.values()]
    ids = sorted({case_id for each in found for case_id in each})
    if not ids:
        raise medseg.UnusableInput(
            medseg.ErrorCode.EMPTY_FOLDER,
            "there are no scans, label maps or scores here",
            where=folders.root,
            remedy="Choose another folder, or name the folders one by one.",
        )
    return Cohort(
        folders=folders,
        models=models,
        channels=() if dataset is None else dataset.channels,
        labels=None if dataset is None else dataset.labels,
        cases=tuple(
            CohortCase(
                case_id=case_id,
                images=images.get(case_id, ()),
                reference=references.get(case_id),
                predictions={m: f[case_id] for m, f in files.items() if case_id in f},
                scores={m: s[case_id] for m, s in scores.items() if case_id in s},
                predicted={m: p[case_id] for m, p in predicted.items() if case_id in p},
            )
            for case_id in ids
        ),
    )


def _files_of(folders: CohortFolders, dataset: medseg.Dataset | None) -> _Files:
    models = {
        name: medseg.label_maps_by_case(folder)
        for name, folder in _models(folders.predictions, folders.others).items()
    }
    return _images_of(folders, dataset), _references_of(folders, dataset), models


def _files_of_one_folder(folders: CohortFolders) -> _Files:
    """Where scans and label maps lie together; references may lie elsewhere."""
    found = sort_out(folders.scans or folders.root)
    references = dict(found.references)
    if folders.references is not None:
        references |= medseg.label_maps_by_case(folders.references)
    others = {
        name: medseg.label_maps_by_case(folder)
        for name, folder in _models(folders.others).items()
    }
    images = {case_id: (path,) for case_id, path in found.images.items()}
    return images, references, {**found.predictions, **others}


def _models(*folders: Path | None) -> dict[str, Path]:
    """The models by the names of their folders."""
    names: dict[str, Path] = {}
    for folder in folders:
        if folder is not None:
            taken = folder.name in names
            names[f"{folder.name} (2)" if taken else folder.name] = folder
    return names


def _of_the_models(
    evaluations: Mapping[str, medseg.Evaluation], models: Sequence[str]
) -> dict[str, dict[str, medseg.Scores]]:
    """Scores by the model of that name; of the only model where it has none."""
    named: dict[str, dict[str, medseg.Scores]] = {}
    for name, evaluation in evaluations.items():
        called = name or _only(models)
        named[called] = {case.case_id: case for case in evaluation.cases}
    return named


def _predicted(
    folders: CohortFolders, models: Sequence[str]
) -> dict[str, dict[str, medseg.PredictedDice]]:
    """What a cohort run predicts of its model, in tables beside the label maps."""
    labels = folders.predictions
    beside = folders.root if labels is None else labels.parent
    told = medseg.read_predicted_dice(beside)
    return {_only(models): told} if told else {}


def _only(models: Sequence[str]) -> str:
    """The model that tables are of that name none."""
    return models[0] if models else "prediction"


def _dataset_of(folders: CohortFolders) -> medseg.Dataset | None:
    """The dataset in decathlon layout that scans or references belong to."""
    for folder in (folders.references, folders.scans, folders.root):
        for candidate in () if folder is None else (folder, folder.parent):
            is_dataset = (candidate / "labelsTr").is_dir()
            if is_dataset and (candidate / "dataset.json").is_file():
                return medseg.read_dataset(candidate)
    return None


def _images_of(
    folders: CohortFolders, dataset: medseg.Dataset | None
) -> dict[str, tuple[Path, ...]]:
    if dataset is not None and _is_of(folders.scans, "imagesTr"):
        return {case.id: case.images for case in dataset.cases}
    if folders.scans is None:
        return {}
    return {
        case_id: (path,)
        for case_id, path in medseg.scans_by_case(folders.scans).items()
    }


def _references_of(
    folders: CohortFolders, dataset: medseg.Dataset | None
) -> Mapping[str, Path]:
    if dataset is not None and _is_of(folders.references, "labelsTr"):
        return {case.id: case.reference for case in dataset.cases if case.reference}
    if folders.references is None:
        return _NO_FILES
    return medseg.label_maps_by_case(folders.references)


def _is_of(folder: Path | None, part: str) -> bool:
    """Whether a folder is a dataset or the part of one with that name."""
    return folder is not None and (folder.name == part or (folder / part).is_dir())
