"""Curves of detection as a PNG picture."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from medseg.core.froc import LUNA16_POINTS, Froc
from medseg.core.text_table import counted

_DPI = 120
_RC: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a structure may be called "a$b"
    "axes.spines.right": False,
    "axes.spines.top": False,
}
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES = ("-", "--", ":", "-.")


def froc_png(curves: Sequence[Froc]) -> bytes:
    """Sensitivity over false positives a case, from 1/8 to 8, a line a structure.

    Args:
        curves: One or more.
    """
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(5.2, 4.0), layout="constrained")
        axes = figure.subplots()
        at = np.geomspace(LUNA16_POINTS[0], LUNA16_POINTS[-1], 601)
        for place, curve in enumerate(curves):
            colour = _COLOURS[place % len(_COLOURS)]
            style = _STYLES[place // len(_COLOURS) % len(_STYLES)]
            named = f"{curve.structure} (mean {curve.luna16_score:.3f})"
            line = [curve.sensitivity_at(float(each)) for each in at]
            axes.plot(at, line, style, color=colour, label=named)
            points = [curve.sensitivity_at(each) for each in LUNA16_POINTS]
            axes.plot(LUNA16_POINTS, points, "o", color=colour, markersize=4)
        axes.set_xscale("log", base=2)
        named_points = ["1/8", "1/4", "1/2", "1", "2", "4", "8"]
        axes.set_xticks(LUNA16_POINTS, named_points)
        axes.minorticks_off()
        axes.set(
            ylim=(-0.02, 1.02),
            xlabel="False positives a case",
            ylabel="Sensitivity",
            title=_title(curves),
        )
        axes.grid(alpha=0.3)
        axes.legend(loc="best", frameon=False)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=_DPI)
        return picture.getvalue()


def _title(curves: Sequence[Froc]) -> str:
    lesions = counted(sum(each.lesions for each in curves), "lesion")
    return f"{lesions} in {counted(curves[0].cases, 'case')}"
