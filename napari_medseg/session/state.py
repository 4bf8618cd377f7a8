"""What is kept of a working day: layers, views, panels; as JSON; knows no napari."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

import medseg

SUFFIX = ".medseg.json"
Value = str | int | float | bool
Colour = tuple[float, float, float, float]
Row = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class ImageLook:
    """How an image is shown; the names are those of napari."""

    visible: bool
    opacity: float
    blending: str
    contrast_limits: tuple[float, float]
    gamma: float
    colormap: str


@dataclass(frozen=True, kw_only=True)
class LabelsLook:
    """How labels are shown; the names are those of napari.

    Attributes:
        colours: By label; alpha 0 for a hidden structure.
    """

    visible: bool
    opacity: float
    blending: str
    contour: int
    selected_label: int
    colours: dict[int, Colour]


@dataclass(frozen=True, kw_only=True)
class ScanEntry:
    """An image layer.

    Attributes:
        name: Of the layer.
        path: File or folder it was read from; empty when it was made in memory.
        relative_path: The same from the folder of the session file.
        series_uid: SeriesInstanceUID in it; empty unless DICOM.
        sha256: Of the scan, to know it again.
        file: Where its voxels are kept with the session, for one made in memory.
        case_id: Name of the case.
        channel: Name of its channel.
        look: How it is shown.
    """

    kind: Literal["scan"] = "scan"
    name: str
    path: str = ""
    relative_path: str = ""
    series_uid: str = ""
    sha256: str = ""
    file: str = ""
    case_id: str
    channel: str
    look: ImageLook


@dataclass(frozen=True, kw_only=True)
class LabelsEntry:
    """A Labels layer.

    Attributes:
        name: Of the layer.
        file: Its label map, kept with the session.
        case_id: Name of the case.
        affine: Of its grid, exact; NIfTI rounds to single precision.
        look: How it is shown.
    """

    kind: Literal["labels"] = "labels"
    name: str
    file: str
    case_id: str
    affine: tuple[Row, ...]
    look: LabelsLook


LayerEntry = Annotated[ScanEntry | LabelsEntry, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class ViewEntry:
    """Where the user was; the names are those of napari."""

    point: tuple[float, ...]
    order: tuple[int, ...]
    ndisplay: Literal[2, 3]
    centre: tuple[float, ...]
    zoom: float
    angles: tuple[float, float, float]
    active: str = ""


@dataclass(frozen=True, kw_only=True)
class PanelEntry:
    """A panel that was open.

    Attributes:
        name: As in the menu.
        settings: Values of its controls by their accessible names, or what the panel
            itself has to say.
    """

    name: str
    settings: dict[str, Value]


@dataclass(frozen=True, kw_only=True)
class Session:
    """A working day.

    Attributes:
        layers: From the bottom.
        view: Where the user was.
        panels: Those that were open.
        left_out: Names of layers that a session does not keep.
    """

    format: Literal["medseg-session"] = "medseg-session"
    version: Literal[1] = 1
    layers: tuple[LayerEntry, ...]
    view: ViewEntry
    panels: tuple[PanelEntry, ...] = ()
    left_out: tuple[str, ...] = ()


_SESSIONS: TypeAdapter[Session] = TypeAdapter(Session)


def session_json(session: Session) -> bytes:
    """A session as text."""
    return _SESSIONS.dump_json(session, indent=1) + b"\n"


def parsed_session(text: bytes, where: Path) -> Session:
    """A session out of its text.

    Raises:
        UnusableInput: NOT_READABLE when it is damaged, or no session.
    """
    try:
        return _SESSIONS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise medseg.UnusableInput(
            medseg.ErrorCode.NOT_READABLE,
            f"it is no session, or damaged ({place}: {first['msg']})",
            where=where,
            remedy=f"Choose a file that ends in {SUFFIX}.",
        ) from error
