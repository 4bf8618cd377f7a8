"""Curves and sample predictions of a training as PNG pictures."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medseg.core.geometry import Spacing
from medseg.core.labels import Colour
from medseg.report.learning import LearningCurves, WatchedPatch

_DPI = 100
_RC: dict[Any, Any] = {
    "font.size": 8,
    "text.parse_math": False,
    "axes.spines.right": False,
}
_MOST_NAMED = 12
_GREY = "#5c6670"


def curves_png(curves: LearningCurves, colours: Sequence[Colour]) -> bytes:
    """Loss, pseudo-Dice and learning rate over the steps.

    Args:
        curves: What to draw.
        colours: One a structure.
    """
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(9, 3), layout="constrained")
        loss, dice, rate = figure.subplots(1, 3)
        _line(loss, curves.steps, curves.loss, "loss")
        for (name, values), colour in zip(curves.dice.items(), colours, strict=True):
            known = [np.nan if value is None else value for value in values]
            dice.plot(curves.steps, known, ".-", color=_hex(colour), label=name)
        dice.set(title="pseudo-Dice", ylim=(0, 1), xlabel="step")
        if 0 < len(curves.dice) <= _MOST_NAMED:
            dice.legend(loc="lower right", frameon=False)
        _line(rate, curves.steps, curves.learning_rate, "learning rate")
        for axes in (loss, dice, rate):
            axes.grid(alpha=0.3)
        return _png(figure)


def patches_png(
    patches: Sequence[WatchedPatch],
    names: Sequence[str],
    colours: Sequence[Colour],
    spacing_mm: Spacing,
) -> bytes:
    """The slices of patches that show most, outlined by reference and by prediction.

    Axial slices as radiologists look at them: the patient's right is on the left.

    Args:
        patches: Side by side.
        names: One a structure.
        colours: One a structure.
        spacing_mm: Of the patches' voxels.
    """
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(3 * len(patches), 3.6), layout="constrained")
        for axes, patch in zip(
            np.atleast_1d(figure.subplots(1, len(patches))), patches, strict=True
        ):
            _draw_patch(axes, patch, colours, spacing_mm)
        figure.legend(handles=_key(names, colours), loc="outside lower center", ncols=6)
        return _png(figure)


def _line(
    axes: Axes, steps: Sequence[int], values: Sequence[float], title: str
) -> None:
    axes.plot(steps, values, ".-", color=_GREY)
    axes.set(title=title, xlabel="step")


def _draw_patch(
    axes: Axes, patch: WatchedPatch, colours: Sequence[Colour], spacing_mm: Spacing
) -> None:
    index = _telling_slice(patch)
    right_mm, anterior_mm, _ = spacing_mm
    pixels = _axial(patch.image, index)
    black, white = np.percentile(patch.image, (1, 99))
    axes.imshow(
        pixels,
        cmap="gray",
        vmin=black,
        vmax=max(white, black + 1e-6),
        aspect=anterior_mm / right_mm,
        interpolation="nearest",
    )
    for masks, style in ((patch.reference, "solid"), (patch.prediction, "dashed")):
        for mask, colour in zip(masks, colours, strict=True):
            outlined = _axial(mask, index)
            if outlined.any() and not outlined.all():
                axes.contour(
                    outlined.astype(float),
                    [0.5],
                    colors=_hex(colour),
                    linestyles=style,
                    linewidths=1,
                )
    axes.set_axis_off()
    axes.set_title(f"slice {index + 1} of {patch.image.shape[2]}")


def _telling_slice(patch: WatchedPatch) -> int:
    """Slice with most structures, each as near its largest area as possible."""
    either = np.concatenate([patch.reference, patch.prediction])
    areas = either.sum((1, 2))
    largest = areas.max(1, keepdims=True)
    if not largest.any():
        return int(patch.image.shape[2] // 2)
    return int((areas / np.maximum(largest, 1)).sum(0).argmax())


def _axial(voxels: np.ndarray, index: int) -> np.ndarray:
    """A slice across S as a picture: rows from anterior, columns from the right."""
    turned: np.ndarray = voxels[::-1, ::-1, index].T
    return turned


def _key(names: Sequence[str], colours: Sequence[Colour]) -> list[Line2D]:
    structures = [
        Line2D([], [], color=_hex(colour), label=name)
        for name, colour in zip(names, colours, strict=True)
    ]
    return [
        *structures[:_MOST_NAMED],
        Line2D([], [], color=_GREY, label="reference"),
        Line2D([], [], color=_GREY, linestyle="dashed", label="prediction"),
    ]


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    return stream.getvalue()
