"""What the segment command does to every scan it is given."""

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import medseg
from medseg import pipeline
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import ProgressCallback, in_stage
from medseg.core.settings import InferenceSettings
from medseg.io.file_kinds import SegmentationFormat

NOTHING_PREDICTED: Mapping[str, float] = MappingProxyType({})
_MOST_SHOWN = 120  # structures; more are pieces of a watershed, which nobody reads


@dataclass(frozen=True, eq=False, kw_only=True)
class Made:
    """What was made of a scan.

    Attributes:
        prediction: What the models found.
        instances: Its lesions one by one, where asked for; the label map is theirs.
    """

    prediction: "medseg.Prediction"
    instances: "medseg.MeasuredInstances | None" = None


@dataclass(frozen=True, eq=False, kw_only=True)
class SegmentWork:
    """What is done to every scan.

    Attributes:
        models: One, or several for one label map.
        region_model: Run first, to find where to look.
        wanted: What is written beside the label map.
        file_format: Of the label map; told from its name if None.
        overwrite: Whether earlier results may be replaced.
        instance_rules: How lesions are told apart; None where they are not.
    """

    models: "tuple[medseg.ReadyModel, ...]"
    region_model: "medseg.ReadyModel | None"
    wanted: "medseg.Wanted"
    file_format: SegmentationFormat | None
    overwrite: bool
    instance_rules: "medseg.InstanceRules | None" = None

    @property
    def channels(self) -> tuple[str, ...]:
        """What the first model takes."""
        return self.models[0].model.info.plan.channels

    def require_writable(
        self, out: Path, scans: Collection[Path]
    ) -> SegmentationFormat:
        """Refuse, before any work is done, a result that could not be written.

        Args:
            out: The label map.
            scans: Files and folders that are read, none of which may be written over.
        """
        beside = []
        if self.wanted.probabilities:
            beside.append(medseg.probabilities_path(out))
        if self.wanted.uncertainty:
            beside.append(medseg.uncertainty_path(out))
        lesions = () if self.instance_rules is None else medseg.instance_files(out)
        for path in (out, *beside, *lesions):
            require_no_scan(path, scans)
        written = medseg.require_writable(
            out, file_format=self.file_format, overwrite=self.overwrite
        )
        if lesions:
            medseg.require_writable_instances(
                out, file_format=written, overwrite=self.overwrite
            )
        for path in beside:
            medseg.require_absent(path, overwrite=self.overwrite)
        return written

    def made(self, volume: medseg.Volume, progress: ProgressCallback) -> Made:
        """The label map, and its lesions one by one where they are asked for."""
        prediction = self._segmented(volume, progress)
        if self.instance_rules is None:
            return Made(prediction=prediction)
        prediction, instances = pipeline.with_instances(
            prediction,
            self.instance_rules,
            volume,
            progress,
            self.models[0].model.info.plan.regions,
        )
        return Made(prediction=prediction, instances=instances)

    def _segmented(
        self, volume: medseg.Volume, progress: ProgressCallback
    ) -> "medseg.Prediction":
        """The region first if there is a model for it, then all the rest."""
        region = None
        if self.region_model is not None:
            told = in_stage(progress, "region")
            region = self.region_model.predict(volume, told).segmentation
        if len(self.models) > 1:
            composed = medseg.segment_with_ready(volume, self.models, progress, region)
            return medseg.Prediction(segmentation=composed)
        rules = self.instance_rules
        centres = rules is not None and rules.needs_centres
        request = medseg.Request(wanted=self.wanted, region=region, centres=centres)
        return self.models[0].predict(volume, progress, request)

    def write(self, made: Made, out: Path, source: medseg.Volume | None = None) -> None:
        """Write what was made, all files whole together or none."""
        found = made.prediction
        shares = medseg.Shares(
            probabilities=found.probabilities,
            uncertainty=found.uncertainty,
            structures=found.structures,
        )
        if made.instances is not None:
            medseg.write_instances(
                made.instances,
                out,
                source=source,
                shares=shares,
                overwrite=self.overwrite,
            )
            return
        medseg.write_segmentation(
            found.segmentation,
            out,
            source=source,
            file_format=self.file_format,
            shares=shares,
            overwrite=self.overwrite,
        )


def loaded_models(
    names: tuple[str, ...], settings: InferenceSettings, wanted: "medseg.Wanted"
) -> "tuple[medseg.ReadyModel, ...]":
    """The models named, ready to run, if they can give what is wanted.

    Raises:
        WrongUse: INVALID_OPTION; UNKNOWN_MODEL.
        UnusableInput: DAMAGED_MODEL.
    """
    if not names:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "no model is named",
            where="--model",
            remedy="Give one, see medseg models list.",
        )
    if len(names) > 1 and wanted != medseg.Wanted():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "probabilities and uncertainty are those of one model",
            where="--save-probabilities, --save-uncertainty",
            remedy="Leave the option out, or run the models one by one.",
        )
    return tuple(ready_model(name, settings) for name in names)


def ready_model(name: str, settings: InferenceSettings) -> "medseg.ReadyModel":
    """A model by its name or folder, brought into its quick form once for all scans.

    Raises:
        WrongUse: UNKNOWN_MODEL; NO_SUCH_DEVICE.
        UnusableInput: DAMAGED_MODEL.
    """
    return medseg.ReadyModel(medseg.load_model(name), settings)


def print_made(made: Made, out: Path) -> None:
    """What was found, lesion by lesion where asked for, and where it was written."""
    predicted = {
        each.structure: each.predicted_dice
        for each in made.prediction.structures
        if each.predicted_dice is not None
    }
    print_result(made.prediction.segmentation, out, predicted)
    if made.instances is not None:
        print_notes(made.instances.panoptic.notes)
        print(medseg.instances_table(made.instances.measures))


def print_result(
    result: medseg.Segmentation,
    out: Path,
    predicted_dice: Mapping[str, float] = NOTHING_PREDICTED,
) -> None:
    """What was found, how large and perhaps how good it is, where it was written."""
    print_notes(result.provenance.notes if result.provenance else ())
    voxels = medseg.voxels_of_labels(result.array)
    for structure in tuple(result.labels)[:_MOST_SHOWN]:
        volume_ml = voxels.get(structure.id, 0) * result.geometry.voxel_volume_ml
        dice = predicted_dice.get(structure.name)
        told = "" if dice is None else f"   predicted Dice {dice:.3f}"
        print(f"{structure.name:<24}{volume_ml:10.2f} ml{told}")
    if len(result.labels) > _MOST_SHOWN:
        print(f"and {len(result.labels) - _MOST_SHOWN} more")
    print(f"written to {out}")


def print_notes(notes: Iterable[str]) -> None:
    """What to know about a result, where it does not get into what is piped on."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def files_of(
    words: tuple[str, ...], scan: Path, names: tuple[str, ...]
) -> dict[str, Path] | None:
    """File of each channel the model takes; None where the scan is all there is."""
    if not words:
        is_one_file = len(names) > 1 and scan.is_file()
        return dict.fromkeys(names, scan) if is_one_file else None
    given = {name: Path(path) for name, _, path in (w.partition("=") for w in words)}
    if len(names) == 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"the model takes one channel ({names[0]}), so the scan is that channel",
            where="--channel",
            remedy="Leave the option out.",
        )
    if set(given) != set(names):
        raise _wrong_channels(
            f"the model takes {', '.join(names)}, not {', '.join(given)}"
        )
    if scan.resolve() not in {path.resolve() for path in given.values()}:
        raise _wrong_channels(f"none of the channels is in {scan}")
    return given


def _wrong_channels(what: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where="--channel",
        remedy="Give NAME=PATH for each channel of a model that takes several.",
    )


def require_no_scan(path: Path, scans: Collection[Path]) -> None:
    """Refuse to write over a file that is read, or may be part of a scan."""
    if not path.exists():
        return
    file, read = path.resolve(), {scan.resolve() for scan in scans}
    if file in read or read & {*file.parents}:
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "it is itself what is read"
            if file in read
            else "it lies in the folder of a scan that is read, among its slices",
            where=path,
            remedy="Write to another folder or under another name; what is read is "
            "never written over.",
        )
