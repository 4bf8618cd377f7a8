"""The scores as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from napari.layers import Layer

from napari_medseg.layers.conversion import Origin, placement_of
from napari_medseg.layers.scripts import origin_of, path_of


@dataclass(frozen=True, kw_only=True)
class ScriptedScores:
    """What a script needs to know.

    Attributes:
        prediction: Where it was read from.
        reference: Where it was read from.
        scan: Where it was read from.
        has_scan: Whether a scan is chosen.
        tolerance_mm: Of the NSD; None for no NSD.
        is_turned: Whether the voxels of the reference are stored in another order.
    """

    prediction: Origin | None
    reference: Origin | None
    scan: Origin | None
    has_scan: bool
    tolerance_mm: float | None
    is_turned: bool


def scripted_scores(
    chosen: tuple[Layer, Layer, Layer | None],
    layers: Iterable[Layer],
    tolerance_mm: float | None,
) -> ScriptedScores:
    """What a script needs to know of the layers chosen.

    Args:
        chosen: Prediction, reference, scan.
        layers: All of the viewer.
        tolerance_mm: Of the NSD.

    Raises:
        UnusableInput: MISSING_GEOMETRY, for a layer with no place in the patient.
    """
    prediction, reference, scan = chosen
    known = tuple(layers)
    grid, other = (placement_of(each, known).source for each in (prediction, reference))
    return ScriptedScores(
        prediction=origin_of(prediction),
        reference=origin_of(reference),
        scan=None if scan is None else origin_of(scan),
        has_scan=scan is not None,
        tolerance_mm=tolerance_mm,
        is_turned=not grid.is_same_grid(other),
    )


def script_of(wanted: ScriptedScores) -> str:
    """A script that scores two files as the panel scores their layers."""
    lines = (
        "import medseg",
        "",
        f"settings = medseg.EvaluationSettings({', '.join(_settings(wanted))})",
        "evaluation = medseg.evaluate(",
        *(f"    {argument}," for argument in _arguments(wanted)),
        ")",
        "print(evaluation.cases[0].table())",
        'medseg.write_scores(evaluation, "scores.csv", overwrite=True)',
    )
    return "\n".join(lines) + "\n"


def _settings(wanted: ScriptedScores) -> Iterator[str]:
    if wanted.tolerance_mm is not None:
        yield f"tolerance_mm={wanted.tolerance_mm!r}"
    if wanted.is_turned:  # by nearest neighbour, which for turned voxels is exact
        yield "resample_reference=True"


def _arguments(wanted: ScriptedScores) -> Iterator[str]:
    yield path_of(wanted.prediction, "the prediction")
    yield path_of(wanted.reference, "the reference")
    if wanted.has_scan:
        yield f"images={path_of(wanted.scan, 'the scan')}"
    yield "settings=settings"
