"""The cases of a cohort with their files and scores; knows no Qt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import medseg
from napari_medseg.review.folders import CohortFolders
from napari_medseg.review.mixed import sort_out

EVERY_STRUCTURE = ""
_NO_FILES: Mapping[str, Path] = MappingProxyType({})
_Files = tuple[
    Mapping[str, tuple[Path, ...]],  # scans by case
    Mapping[str, Path],  # references by case
    Mapping[str, Mapping[str, Path]],  # label maps by model and case
]
_ONE_EMPTY = (medseg.MaskState.REFERENCE_EMPTY, medseg.MaskState.PREDICTION_EMPTY)


class Measure(StrEnum):
    """What cases are sorted by; the values are what people call them."""

    DICE = "Dice"
    IOU = "IoU"
    NSD = "NSD"
    HD95 = "HD95 (mm)"

    @property
    def is_higher_better(self) -> bool:
        """Whether the worst case has the lowest value."""
        return self is not Measure.HD95

    def of(self, row: medseg.StructureScore) -> float | None:
        """Value of one structure; the diagonal where a missed one has no distance."""
        match self:
            case Measure.DICE:
                return row.dice
            case Measure.IOU:
                return row.iou
            case Measure.NSD:
                return row.nsd
            case Measure.HD95:
                missed = row.state in _ONE_EMPTY
                return row.diagonal_mm if missed else row.hd95_mm


@dataclass(frozen=True, eq=False, kw_only=True)
class CohortCase:
    """One case.

    Attributes:
        case_id: Name of the case.
        images: One file or folder with every channel, or one a channel.
        reference: Label map to compare with.
        predictions: Label map of each model.
        scores: Scores of each model.
    """

    case_id: str
    images: tuple[Path, ...] = ()
    reference: Path | None = None
    predictions: Mapping[str, Path] = field(default_factory=dict)
    scores: Mapping[str, medseg.Scores] = field(default_factory=dict)

    def value(self, model: str, measure: Measure, structure: str) -> float | None:
        """A measure of a structure, or its mean over the structures with a value."""
        values = [value for _, value in self._values(model, measure, structure)]
        return sum(values) / len(values) if values else None

    def worst_structure(self, model: str, measure: Measure) -> str:
        """The structure with the worst value; empty where there is none."""
        values = self._values(model, measure, EVERY_STRUCTURE)
        if not values:
            return ""
        sign = 1 if measure.is_higher_better else -1
        return min(values, key=lambda named: sign * named[1])[0]

    def _values(
        self, model: str, measure: Measure, structure: str
    ) -> list[tuple[str, float]]:
        scores = self.scores.get(model)
        return [
            (row.structure, value)
            for row in (scores.rows if scores else ())
            if structure in (EVERY_STRUCTURE, row.structure)
            and (value := measure.of(row)) is not None
        ]


@dataclass(frozen=True, eq=False, kw_only=True)
class Cohort:
    """Cases that are looked through together.

    Attributes:
        folders: Where they are.
        models: Names of the models, the first one to be judged, then another.
        channels: Names of the scans' channels, where a dataset gives them.
        labels: Names of the labels, where a dataset gives them.
        cases: By ascending id.
    """

    folders: CohortFolders
    models: tuple[str, ...]
    cases: tuple[CohortCase, ...]
    channels: tuple[str, ...] = ()
    labels: medseg.LabelSet | None = None

    @property
    def can_be_compared(self) -> bool:
        """Whether there are label maps of two models somewhere."""
        return any(len(case.predictions) > 1 for case in self.cases)

    @property
    def missing(self) -> tuple[str, ...]:
        """What no case has a file of, in the words of the form that names folders."""
        found = {
            "Scans": any(case.images for case in self.cases),
            "References": any(case.reference for case in self.cases),
            "Predictions": any(case.predictions for case in self.cases),
        }
        return tuple(name for name, is_found in found.items() if not is_found)

    @property
    def structures(self) -> tuple[str, ...]:
        """Structures that were scored, in the order of the first table."""
        names = (
            row.structure
            for case in self.cases
            for scores in case.scores.values()
            for row in scores.rows
        )
        return tuple(dict.fromkeys(names))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Measures with a value somewhere."""
        rows = [
            row
            for case in self.cases
            for scores in case.scores.values()
            for row in scores.rows
        ]
        return tuple(
            measure
            for measure in Measure
            if any(measure.of(row) is not None for row in rows)
        )


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
    models = tuple(dict.fromkeys((*files, *scores)))
    found = (*files.values(), images, references, *scores.values())
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
        called = name or (models[0] if models else "prediction")
        named[called] = {case.case_id: case for case in evaluation.cases}
    return named


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
