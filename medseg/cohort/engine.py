"""The work on one case: read the scan, segment it, write and score the result."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from medseg import pipeline
from medseg.cohort.folder.bids import write_label_table
from medseg.cohort.folder.case_files import files_of_case, label_map_path
from medseg.cohort.folder.journal import Written, WrittenFile
from medseg.cohort.folder.places import Places
from medseg.cohort.gathered.case_results import (
    CaseResult,
    StructureVolume,
    write_result,
)
from medseg.cohort.listing.privacy import without_names
from medseg.cohort.recipe import CaseEngine, CaseRecipe
from medseg.cohort.settings import WhatToMake
from medseg.cohort.stages import Engine
from medseg.core.cohort import CaseFailure, CohortCase
from medseg.core.described_labels import without_ignored
from medseg.core.errors import MedSegError
from medseg.core.labels import StructureKind
from medseg.core.volume import Segmentation, Volume, voxels_of_labels
from medseg.evaluation.pairing import CaseFiles, described_near
from medseg.evaluation.scoring import CaseTask, ScoredCase, scored_case
from medseg.instances import MeasuredInstances, write_instances
from medseg.io import read_segmentation, read_volume, write_segmentation
from medseg.io.checks import sha256_of
from medseg.io.safe_writing import written_whole
from medseg.io.writing import Shares
from medseg.models import load_model
from medseg.pipeline import Prediction, ReadyModel, Request, segment_with_ready
from medseg.preprocessing import Wanted
from medseg.report import thumbnail_png
from medseg.report.instance_table import instance_row

_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Made:
    """A label map with the scan it is of, and its lesions where they are asked for."""

    volume: Volume
    prediction: Prediction
    instances: MeasuredInstances | None = None


def start_engine(recipe: CaseRecipe) -> CaseEngine:
    """Load the models.

    Raises:
        WrongUse: UNKNOWN_MODEL; NO_SUCH_DEVICE.
        UnusableInput: DAMAGED_MODEL.
    """
    make = recipe.make
    settings = replace(make.inference, device=recipe.device)
    coarse = make.region_model
    work = _CaseWork(
        places=Places(recipe.folder),
        make=make,
        threads=recipe.threads,
        models=tuple(ReadyModel(load_model(m), settings) for m in make.models),
        region_model=ReadyModel(load_model(coarse), settings) if coarse else None,
    )
    return Engine(read=work.read, compute=work.compute, write=work.write)


@dataclass(frozen=True, eq=False, kw_only=True)
class _CaseWork:
    """The stages, with what they need."""

    places: Places
    make: WhatToMake
    threads: int
    models: tuple[ReadyModel, ...]
    region_model: ReadyModel | None

    def read(self, case: CohortCase) -> Volume:
        """The scan, under the name of the case."""
        accept = frozenset(self.make.accept)
        names = self.models[0].model.info.plan.channels
        channels = None
        if len(names) > 1:
            files = case.images * len(names) if len(case.images) == 1 else case.images
            channels = dict(zip(names, files, strict=True))
        volume = read_volume(
            case.images[0],
            series=case.series or None,
            channels=channels,
            accept=accept,
            model_channels=names,
        )
        return replace(volume, case_id=case.case_id)

    def compute(self, _case: CohortCase, volume: Volume) -> Made:
        """The label map; the region first if there is a model for it."""
        torch.set_num_threads(self.threads)  # each thread has a number of its own
        region = None
        if self.region_model is not None:
            region = self.region_model.predict(volume).segmentation
        if len(self.models) > 1:
            labels = segment_with_ready(volume, self.models, region=region)
            return Made(volume, Prediction(segmentation=labels))
        wanted = Wanted(
            probabilities=self.make.save_probabilities, uncertainty=self.make.quality
        )
        rules = self.make.instances
        centres = rules is not None and rules.needs_centres
        request = Request(wanted=wanted, region=region, centres=centres)
        return Made(volume, self.models[0].predict(volume, request=request))

    def write(self, case: CohortCase, made: Made) -> Written:
        """All files of the case, each whole; the tables' part of it last."""
        made = self._told_apart(made)  # here, where the next scan is computed meanwhile
        path = label_map_path(case.case_id, self.places, self.make)
        self._write_labels(made, path)
        scored, unscored = self._scored(case, path)
        if self.make.thumbnails:
            self._draw(case, made, is_scored=scored is not None)
        result = self.places.result(case.case_id)
        write_result(_result(case, made, scored), result)
        return Written(files=tuple(self._written(case)), unscored=unscored)

    def _told_apart(self, made: Made) -> Made:
        """The same with its lesions, if they are asked for."""
        if self.make.instances is None:
            return made
        prediction, instances = pipeline.with_instances(
            made.prediction,
            self.make.instances,
            made.volume,
            regions=self.models[0].model.info.plan.regions,
        )
        return replace(made, prediction=prediction, instances=instances)

    def _write_labels(self, made: Made, path: Path) -> None:
        """The label map, and what lies beside it."""
        prediction = made.prediction
        source = made.volume if self.make.file_format.is_dicom else None
        shares = Shares(
            probabilities=prediction.probabilities, structures=prediction.structures
        )
        if made.instances is not None:
            write_instances(
                made.instances, path, source=source, shares=shares, overwrite=True
            )
        else:
            write_segmentation(
                prediction.segmentation,
                path,
                source=source,
                file_format=self.make.file_format,
                shares=shares,
                overwrite=True,
            )
        if self.make.bids_names:
            write_label_table(prediction.segmentation.labels, path)

    def _scored(
        self, case: CohortCase, prediction: Path
    ) -> tuple[ScoredCase | None, CaseFailure | None]:
        """Scores, or why there are none; a bad reference does not cost the result."""
        if case.reference is None:
            return None, None
        files = CaseFiles(
            case_id=case.case_id,
            prediction=prediction,
            reference=case.reference,
            image=case.images[0],
        )
        is_ct = self.models[0].model.info.plan.channels == ("CT",)
        evaluation = self.make.evaluation
        task = CaseTask(
            files=files,
            described=described_near(case.reference.parent),
            has_ct=is_ct and not case.series,
            tolerance_mm=evaluation.tolerance.mm,
            resample_reference=evaluation.resample_reference,
            lesions=evaluation.lesion_rules,
            needs_hash=False,
        )
        try:
            return scored_case(task), None
        except MedSegError as error:
            return None, CaseFailure(
                case_id=case.case_id,
                code=error.code,
                what=f"reference: {without_names(error.what, case)}",
                remedy=without_names(error.remedy, case),
            )

    def _draw(self, case: CohortCase, made: Made, *, is_scored: bool) -> None:
        reference = None
        if is_scored and case.reference is not None:
            found = _outlined(case.reference)
            same = found.geometry.is_same_grid(made.volume.geometry)
            reference = found if same else None
        channels = self.models[0].model.info.plan.channels  # a file may name none
        scan = replace(made.volume, channels=channels)
        picture = thumbnail_png(scan, made.prediction.segmentation, reference=reference)
        thumbnail = self.places.thumbnail(case.case_id)
        with written_whole(thumbnail, overwrite=True) as file:
            file.write_bytes(picture)

    def _written(self, case: CohortCase) -> Iterator[WrittenFile]:
        for file in files_of_case(case.case_id, self.places, self.make):
            yield WrittenFile(
                name=self.places.name_of(file),
                size_bytes=file.stat().st_size,
                sha256=sha256_of(file),
            )


def _outlined(path: Path) -> Segmentation:
    """A reference as it is drawn: what is ignored is no structure."""
    found = read_segmentation(path)
    described = described_near(path.parent)
    if described is None or described.ignore_id is None:
        return found
    return without_ignored(found, found.array == described.ignore_id, found.labels)


def _result(case: CohortCase, made: Made, scored: ScoredCase | None) -> CaseResult:
    segmentation = made.prediction.segmentation
    predicted = {
        each.label: round(each.predicted_dice, _DIGITS)
        for each in made.prediction.structures
        if each.predicted_dice is not None
    }
    voxels = voxels_of_labels(segmentation.array)
    voxel_ml = segmentation.geometry.voxel_volume_ml
    measures = made.instances.measures if made.instances else ()
    counts = Counter(each.structure.id for each in measures)
    things = [s.id for s in segmentation.labels if s.kind is StructureKind.THING]
    return CaseResult(
        case_id=case.case_id,
        patient=case.patient,
        centre=case.centre,
        volumes=tuple(
            StructureVolume(
                structure=each.name,
                label=each.id,
                colour=each.colour,
                voxels=voxels.get(each.id, 0),
                volume_ml=voxels.get(each.id, 0) * voxel_ml,
                predicted_dice=predicted.get(each.id),
                lesions=counts[each.id]
                if made.instances and each.id in things
                else None,
            )
            for each in segmentation.labels
        ),
        scored=scored,
        notes=segmentation.provenance.notes if segmentation.provenance else (),
        lesions=tuple(instance_row(each, case.case_id) for each in measures),
    )
