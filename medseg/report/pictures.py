"""Slices as pictures for a web page: a grey PNG with vector outlines over it."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from jaxtyping import Bool, Real, UInt8
from PIL import Image

from medseg.core.labels import Colour
from medseg.core.volume import Volume

_CT_WINDOW_HU = (-135.0, 215.0)  # level 40, width 350: abdominal soft tissue
_BARS_MM = (5, 10, 20, 50, 100, 200)


@dataclass(frozen=True)
class Window:
    """The intensities shown as black and as white."""

    black: float
    white: float

    def grey(self, pixels: Real[np.ndarray, "row column"]) -> UInt8[np.ndarray, "..."]:
        """Intensities as grey values, 0 to 255."""
        fraction = (pixels.astype(np.float32) - self.black) / (self.white - self.black)
        grey: np.ndarray = np.rint(np.clip(fraction, 0, 1) * 255).astype(np.uint8)
        return grey


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Edge of one structure's mask in one picture.

    Attributes:
        structure: Name.
        colour: Of the structure.
        path: SVG path data, millimetres from the picture's upper left corner.
        is_reference: Whether the mask is the reference's, not the prediction's.
    """

    structure: str
    colour: Colour
    path: str
    is_reference: bool


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One slice with outlines, ready for the template.

    Attributes:
        png: The grey picture as a data URI.
        width_mm: Of the whole picture.
        height_mm: Of the whole picture.
        outlines: The prediction's first, the reference's over them.
        edges: Letters at the left, right, top and bottom edge.
        title: What it shows, in a few words.
        detail: Position and score, for the caption.
        description: The same for those who cannot see it.
    """

    png: str
    width_mm: float
    height_mm: float
    outlines: tuple[Outline, ...]
    edges: tuple[str, str, str, str]
    title: str
    detail: str
    description: str

    @property
    def bar_mm(self) -> int:
        """Length of the scale bar: a round number, at most a third of the width."""
        fitting = [bar for bar in _BARS_MM if bar <= self.width_mm / 3]
        return fitting[-1] if fitting else _BARS_MM[0]


def window_of(scan: Volume) -> Window:
    """Soft tissue for CT; otherwise the 1st and 99th percentile of the scan."""
    if scan.is_ct:
        return Window(*_CT_WINDOW_HU)
    every_eighth = scan.array[0, ::2, ::2, ::2]
    black, white = np.percentile(every_eighth, (1, 99))
    return Window(float(black), float(max(white, black + 1e-6)))


def png_uri(grey: UInt8[np.ndarray, "row column"]) -> str:
    """Grey values as a PNG inside a data URI."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(stream, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def outline_path(
    mask: Bool[np.ndarray, "row column"], pixel_mm: tuple[float, float]
) -> str:
    """Edge of a mask as SVG path data in millimetres; empty for an empty mask.

    The line runs half-way between the centres of voxels inside and outside, as
    marching squares put it; the border of the picture counts as outside.
    """
    height_mm, width_mm = pixel_mm
    padded = np.pad(mask, 1).astype(np.float64)
    parts = []
    for line in contour_generator(z=padded).lines(0.5):
        points = (np.asarray(line) - 0.5) * (width_mm, height_mm)  # pad, then centre
        parts.append("L".join(f"{x:.2f} {y:.2f}" for x, y in points[:-1]))
    return "".join(f"M{part}Z" for part in parts)
