"""Importing what was chosen; knows no Qt."""

from dataclasses import dataclass
from pathlib import Path

import medseg
from napari_medseg.controls.background import Report


@dataclass(frozen=True, kw_only=True)
class ImportChoice:
    """What to import.

    Attributes:
        source: Folder or zip of the other tool's.
        out_folder: Model folder to write.
        options: What is asked for, and what the files do not say.
    """

    source: Path
    out_folder: Path
    options: medseg.NnunetOptions


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A model folder, just written; as text it tells what the import assumed."""

    folder: Path
    info: medseg.ModelInfo

    def __str__(self) -> str:
        told = (f"{subject}: {reason}" for subject, reason in self.info.plan.reasons)
        return "\n".join((f"Imported to {self.folder}.", *told))


def import_chosen(choice: ImportChoice, report: Report) -> Imported:
    """Import a model of another tool; it is done or not done, and never half.

    Raises:
        MedSegError: As `medseg.import_model`.
    """
    report(medseg.Progress(stage="importing", done=0, total=1))
    info = medseg.import_model(choice.source, choice.out_folder, choice.options)
    return Imported(folder=choice.out_folder, info=info)


def configurations_in(source: Path) -> tuple[medseg.NnunetConfiguration, ...]:
    """Those to choose from; none where it is not known, which the import then tells."""
    try:
        return medseg.nnunet_configurations(source)
    except medseg.MedSegError:
        return ()
