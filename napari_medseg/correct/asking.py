"""What the Correct panel asks for, from what is chosen in it."""

from collections.abc import Iterable, Sequence

from napari.layers import Image, Layer

from napari_medseg.correct.choice import TRAITS
from napari_medseg.correct.place import place_of, require_same_voxels
from napari_medseg.correct.script import ScriptedEdit, ScriptedScan, script_of
from napari_medseg.correct.view import CorrectView
from napari_medseg.correct.work import Request
from napari_medseg.layers.conversion import placement_of, record_of
from napari_medseg.layers.regions import box_of
from napari_medseg.layers.scripts import origin_of
from napari_medseg.layers.structures import structures_of


def asked(
    view: CorrectView,
    points_sar_mm: Sequence[tuple[float, float, float]],
    layers: Iterable[Layer],
) -> Request | str:
    """What to compute, or what is missing, in words.

    Args:
        view: What is chosen.
        points_sar_mm: Where a tool is to start from, as shown.
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
        return "Click in the picture to start there."
    if not traits.needs_scan:
        scan = None
    if scan is not None:
        require_same_voxels(scan, layer)
    place = place_of(layer, view.box, layers)
    return Request(
        place=place,
        choice=choice,
        names=structures_of(layer),
        scan=scan,
        seeds_ras_mm=place.to_patient(points_sar_mm),
    )


def scripted(
    view: CorrectView,
    points_sar_mm: Sequence[tuple[float, float, float]],
    layers: Iterable[Layer],
) -> str | None:
    """The same work as a script; None, and a message, where something is missing.

    Args:
        view: What is chosen.
        points_sar_mm: Where a tool is to start from, as shown.
        layers: All of the viewer.

    Raises:
        MedSegError: As `asked`.
    """
    known = tuple(layers)
    request = asked(view, points_sar_mm, known)
    if isinstance(request, str):
        view.show_message(request)
        return None
    layer, box = request.place.layer, view.box
    placement = placement_of(layer, known)
    return script_of(
        ScriptedEdit(
            choice=request.choice,
            label=request.names[request.choice.structure].id,
            labels=origin_of(layer),
            placement=placement,
            scan=None if request.scan is None else _scripted_scan(request.scan),
            box=None if box is None else box_of(box, placement),
            seeds_ras_mm=request.seeds_ras_mm,
        )
    )


def _scripted_scan(layer: Image) -> ScriptedScan:
    record, origin = record_of(layer), origin_of(layer)
    return ScriptedScan(
        origin=origin,
        channel=record.channel if record is not None and origin is not None else "",
        placement=placement_of(layer),
    )
