"""What is worked out when a structure is looked at; knows no Qt."""

from dataclasses import dataclass
from enum import Enum

from napari.utils.colormaps import DirectLabelColormap

import medseg
from napari_medseg.layers.conversion import (
    HELPER_KEY,
    LayerTuple,
    colormap_of,
    segmentation_layer,
)
from napari_medseg.scores.work import Comparison
from napari_medseg.scores.worst import PLANES, Curves, Stop, stops_of

_OPACITY = 0.8
_CORRECT_ALPHA = 0.4  # the scan is to be seen through what is right
_SCAN_GREY = 128


class ErrorScope(Enum):
    """Which errors are shown over the scan."""

    NONE = "Off"
    ALL = "All structures"
    CHOSEN = "Chosen structure"


@dataclass(frozen=True, kw_only=True)
class DetailsRequest:
    """What to work out.

    Attributes:
        label: The structure; None for all together.
        scope: Which errors to show.
    """

    label: int | None = None
    scope: ErrorScope = ErrorScope.NONE


@dataclass(frozen=True, eq=False, kw_only=True)
class Details:
    """What there is to see of one structure.

    Attributes:
        comparison: What was scored.
        request: What was asked for.
        curves: Voxels slice by slice, along S, A and R.
        stops: Where clicks lead, for slices across S, A and R; empty for all together.
        overlay: Layer of the errors, if asked for.
    """

    comparison: Comparison
    request: DetailsRequest
    curves: Curves
    stops: tuple[tuple[Stop, ...], ...]
    overlay: LayerTuple | None

    @property
    def name(self) -> str:
        """Of the structure."""
        for row in self.comparison.scores.rows:
            if row.label == self.request.label:
                return row.structure
        return "all structures"


def details_of(comparison: Comparison, request: DetailsRequest) -> Details:
    """Work out what was asked for."""
    pair, label = comparison.pair, request.label
    curves = medseg.slice_agreement(pair.prediction, pair.reference, label)
    stops: tuple[tuple[Stop, ...], ...] = ((),) * len(PLANES)
    if label is not None:
        stops = tuple(
            stops_of(comparison, label, curves, axis) for axis in range(len(PLANES))
        )
    return Details(
        comparison=comparison,
        request=request,
        curves=curves,
        stops=stops,
        overlay=_overlay(comparison, request),
    )


def _overlay(comparison: Comparison, request: DetailsRequest) -> LayerTuple | None:
    """The errors on the grid of the prediction, so that they can be saved like it."""
    if request.scope is ErrorScope.NONE:
        return None
    pair = comparison.pair
    label = request.label if request.scope is ErrorScope.CHOSEN else None
    errors = medseg.error_map(pair.prediction, pair.reference, label)
    placement = pair.placement
    on_source = medseg.Segmentation(
        array=placement.to_source(errors.array),
        geometry=placement.source,
        labels=errors.labels,
        case_id=errors.case_id,
    )
    array, options, kind = segmentation_layer(on_source, "errors")
    metadata = {**options["metadata"], HELPER_KEY: True}
    look = {"colormap": _colormap(), "opacity": _OPACITY, "metadata": metadata}
    return array, options | look, kind


def error_colours_on_grey() -> dict[str, tuple[int, int, int]]:
    """What each error looks like over a scan that is middle grey there, by name."""
    colours = _colormap().color_dict
    over = {}
    for structure in medseg.AGREEMENT_LABELS:
        share = _OPACITY * float(colours[structure.id][3])
        red, green, blue = (
            round(share * value + (1 - share) * _SCAN_GREY)
            for value in structure.colour
        )
        over[structure.name] = red, green, blue
    return over


def _colormap() -> DirectLabelColormap:
    colours = dict(colormap_of(medseg.AGREEMENT_LABELS).color_dict)
    red, green, blue, _ = colours[medseg.Agreement.TRUE_POSITIVE]
    colours[medseg.Agreement.TRUE_POSITIVE] = (red, green, blue, _CORRECT_ALPHA)
    return DirectLabelColormap(color_dict=colours)
