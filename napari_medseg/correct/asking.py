"""What the Correct panel asks for, from what is chosen in it."""

from collections.abc import Iterable, Sequence

from napari.layers import Layer

from napari_medseg.correct.choice import TRAITS
from napari_medseg.correct.layers import place_of, structures_of
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Request


def asked(
    view: CorrectView,
    points_sar_mm: Sequence[tuple[float, float, float]],
    layers: Iterable[Layer],
) -> Request | str:
    """What to compute, or what is missing, in words.

    Args:
        view: What is chosen.
        points_sar_mm: Where a region is to grow from, as shown.
        layers: All of the viewer.

    Raises:
        MedSegError: For layers, a box or settings that do not go together.
    """
    layer, scan, choice = view.labels, view.scan, view.choice()
    traits = TRAITS[choice.tool]
    if layer is None or not choice.structure:
        return "Choose labels and a structure."
    if traits.needs_scan and scan is None:
        return "The tool looks at a scan: open one."
    if traits.needs_seed and not points_sar_mm:
        return "Click in the picture to grow from there."
    place = place_of(layer, view.box, layers)
    return Request(
        place=place,
        choice=choice,
        names=structures_of(layer),
        scan=place.scan(scan) if scan is not None and traits.needs_scan else None,
        seeds_ras_mm=place.to_patient(points_sar_mm),
    )
