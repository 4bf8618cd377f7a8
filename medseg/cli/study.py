"""The command that compares models on a whole dataset."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.evaluation import DEFAULT_EVALUATION, EXIT_PARTLY_DONE
from medseg.core.errors import ErrorCode, WrongUse
from medseg.study import wording

_Names = Annotated[tuple[str, ...], Parameter(negative_iterable=())]


def study(  # noqa: PLR0913 - the options of design's command
    reference: Path,
    *models: str,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    images: Path | None = None,
    cases: Path | None = None,
    patient: str | None = None,
    centre: str | None = None,
    subgroup: _Names = (),
    reader: _Names = (),
    probabilities: _Names = (),
    primary: str = "dice",
    margin: float | None = None,
    worst: int = 4,
    resamples: int = 9999,
    level: float = 0.95,
    seed: int = 0,
    scoring: Annotated[
        medseg.EvaluationSettings, Parameter(name="*", negative_iterable=())
    ] = DEFAULT_EVALUATION,
) -> int:
    """Compare models: intervals, paired tests, figures and a report for a paper.

    Writes report.html, scores.csv, summary.json, challenger.csv and figures (SVG, PDF).
    The same command continues an interrupted study.

    Example: medseg study labelsTr/ nnunet=predictions_a/ ours=predictions_b/ -o study
    --tolerance-mm 1 --cases cases.csv --patient patient --centre site

    Args:
        reference: Folder of references, or a dataset in decathlon layout.
        models: NAME=FOLDER of predictions, once for each model; later models are
            compared with earlier ones.
        out: Folder to write.
        images: Folder of the scans, for pictures of the worst cases.
        cases: CSV table with a column "case" and any others.
        patient: Column of patients in that table; cases of a patient are resampled
            together.
        centre: Column of centres; patients are resampled within them.
        subgroup: Column to report by; may be given several times.
        reader: NAME=FOLDER of another reader's label maps; may be given several times.
        probabilities: NAME=FOLDER of a model's probabilities (NAME.probabilities.nii.gz
            of segment --save-probabilities, or nnU-Net's .npz).
        primary: Measure to compare models by.
        margin: Non-inferiority margin in that measure.
        worst: Number of worst cases to show for each model.
        resamples: Bootstrap samples.
        level: Level of the confidence intervals.
        seed: Seed of the bootstrap.
        scoring: How cases are scored.
    """
    if scoring.workers is None:
        scoring = replace(scoring, workers=medseg.processor_count())
    files = medseg.StudyFiles(
        reference=reference,
        models=_named(models, "models"),
        images=images,
        cases=cases,
        readers=_named(reader, "--reader"),
        probabilities=_named(probabilities, "--probabilities"),
    )
    settings = medseg.StudySettings(
        primary=primary,
        margin=margin,
        missed=scoring.missed,
        patient=patient,
        centre=centre,
        subgroups=subgroup,
        worst=worst,
        bootstrap=medseg.BootstrapSettings(resamples=resamples, level=level, seed=seed),
    )
    with shown_progress() as progress:
        found = medseg.run_study(
            files, out, settings=settings, scoring=scoring, on_progress=progress
        )
    for sentence in (
        *wording.summary_sentences(found),
        *wording.comparison_sentences(found),
    ):
        print(sentence)
    for remark in found.remarks:
        print(f"note: {remark}")
    print(f"report written to {out / 'report.html'}")
    return EXIT_PARTLY_DONE if found.excluded else 0


def _named(words: Iterable[str], where: str) -> dict[str, Path]:
    """NAME=FOLDER, each name once."""
    found: dict[str, Path] = {}
    for word in words:
        name, sign, folder = word.partition("=")
        if not name or not sign or not folder:
            raise _wrong(f"{word!r} is not NAME=FOLDER", where)
        if name in found:
            raise _wrong(f"the name {name!r} is given twice", where)
        found[name] = Path(folder)
    return found


def _wrong(what: str, where: str) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        what,
        where=where,
        remedy="Give each as NAME=FOLDER, with a name of its own.",
    )
