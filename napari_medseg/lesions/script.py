"""The lesions as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator
from dataclasses import dataclass

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.scripts import (
    ModelRun,
    arguments,
    path_of,
    read_labels,
    read_scan,
)
from napari_medseg.lesions.choice import Choice, no_centres


@dataclass(frozen=True, kw_only=True)
class ScriptedLesions:
    """What a script needs to know.

    Attributes:
        labels: Where the label map was read from.
        scan: Where the scan was read from.
        has_scan: Whether the lesions' intensities are measured in one.
        choice: What a lesion is.
        run: How the model was run that made the labels; None where none did.
        has_confidence: Whether it said how sure it is of its lesions.
        is_edited: Whether the labels are others than those it made.
    """

    labels: Origin | None
    scan: Origin | None
    has_scan: bool
    choice: Choice
    run: ModelRun | None = None
    has_confidence: bool = False
    is_edited: bool = False

    @property
    def own_run(self) -> ModelRun | None:
        """The model's run, where lesions are as it says: it is run again."""
        is_told = self.choice.needs_centres or self.is_sure
        return self.run if is_told else None

    @property
    def is_sure(self) -> bool:
        """Whether lesions have a confidence."""
        return self.has_confidence and not self.is_edited


def script_of(wanted: ScriptedLesions) -> str:
    """A script that tells lesions apart and measures them as the panel does.

    Raises:
        WrongUse: INVALID_OPTION, where no model has said where it sees centres, or
            labels were moved since; as telling them apart in the panel.
    """
    if wanted.choice.needs_centres and wanted.run is None:
        raise no_centres("" if wanted.labels is None else str(wanted.labels.path))
    return "\n".join(_lines(wanted)) + "\n"


def _lines(wanted: ScriptedLesions) -> Iterator[str]:
    if wanted.choice.is_stored:
        yield from _lines_of_stored(wanted)
        return
    run = wanted.own_run
    scan = ", scan" if wanted.has_scan else ""
    centres = ", centres=made.centres" if wanted.choice.needs_centres else ""
    yield from (
        "from dataclasses import replace",
        "from pathlib import Path",
        "",
        *(("import numpy as np", "") if run and run.has_region else ()),
        "import medseg",
        "",
    )
    if run is not None:
        yield from run.lines
        yield f"request = medseg.Request({_request(wanted, run)})"
        yield "made = medseg.predict(scan, model, settings, print, request)"
    if run is None or wanted.is_edited:
        yield f"labels = {read_labels(wanted.labels, 'the labels')}"
    else:
        yield "labels = made.segmentation"
    reading = f"scan = {read_scan(wanted.scan)}"
    if wanted.has_scan and (run is None or reading not in run.lines):
        yield reading
    yield from (
        f"counted = {sorted(wanted.choice.counted)!r}",
        "stuff, thing = medseg.StructureKind",
        "kinds = [",
        "    replace(each, kind=thing if each.name in counted else stuff)",
        "    for each in labels.labels",
        "]",
        "labels = replace(labels, labels=medseg.LabelSet(tuple(kinds)))",
        f"rules = {_rules(wanted.choice.rules)}",
        f"lesions = medseg.separate_instances(labels, rules{scan}{centres})",
    )
    if wanted.is_sure:
        yield "lesions = medseg.with_confidence(lesions, made.probabilities)"
    yield from (
        f"measures = medseg.measure_instances(lesions{scan})",
        "table = medseg.instances_csv(measures, lesions.case_id)",
        'Path("lesions.csv").write_text(table, encoding="utf-8")',
    )


def _lines_of_stored(wanted: ScriptedLesions) -> Iterator[str]:
    """Of lesions that a file numbers."""
    yield from ("from pathlib import Path", "", "import medseg", "")
    file = path_of(wanted.labels, "the labels")
    yield f"lesions = medseg.read_panoptic({file})"
    if wanted.has_scan:
        yield f"scan = {read_scan(wanted.scan)}"
    scan = ", scan" if wanted.has_scan else ""
    yield from (
        f"counted = {sorted(wanted.choice.counted)!r}",
        f"measures = medseg.measure_instances(lesions{scan})",
        "measures = [each for each in measures if each.structure.name in counted]",
        "table = medseg.instances_csv(measures, lesions.case_id)",
        'Path("lesions.csv").write_text(table, encoding="utf-8")',
    )


def _request(wanted: ScriptedLesions, run: ModelRun) -> str:
    """What the model is asked for beside the labels."""
    asked = (
        ("wanted=medseg.Wanted(probabilities=True)", wanted.is_sure),
        ("region=region", run.has_region),
        ("centres=True", wanted.choice.needs_centres),
    )
    return ", ".join(words for words, is_asked in asked if is_asked)


def _rules(rules: medseg.InstanceRules) -> str:
    """The rules as they are written in a script."""
    split = rules.split
    name = type(split).__name__
    words = f"medseg.{name}({arguments(split, type(split)())})"
    touching = f"medseg.Connectivity.{rules.connectivity.name}"
    return (
        f"medseg.InstanceRules(connectivity={touching}, "
        f"minimum_mm3={rules.minimum_mm3!r}, split={words})"
    )
