"""Finding the scans of a session again, which it names by path and hash; no Qt."""

from pathlib import Path

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.session.state import ScanEntry


def found_scan(
    entry: ScanEntry, path: Path, scans: dict[tuple[str, str], medseg.Volume]
) -> tuple[medseg.Volume, Origin]:
    """The very scan that the session was saved with, and where it is now.

    Raises:
        MedSegError: When it is at none of the places where it may be.
    """
    problems: list[medseg.MedSegError] = []
    for place in _places(entry, path):
        key = str(place), entry.series_uid
        try:
            if key not in scans:
                scans[key] = medseg.read_volume(place, series=entry.series_uid or None)
        except medseg.MedSegError as error:
            problems.append(error)
            continue
        if scans[key].sha256 == entry.sha256:
            return scans[key], Origin(path=place, series_uid=entry.series_uid)
        problems.append(unopened(entry, "the scan is not the one it was"))
    raise problems[0]


def _places(entry: ScanEntry, path: Path) -> list[Path]:
    """Where a scan was, and as far from the session as it was; those there first."""
    was = Path(entry.path)
    moved = (path.absolute().parent / entry.relative_path).resolve()
    places = [was] if not entry.relative_path or moved == was else [was, moved]
    return sorted(places, key=lambda place: not place.exists())


def unopened(entry: ScanEntry, what: str) -> medseg.UnusableInput:
    """Why a scan is not opened."""
    return medseg.UnusableInput(
        medseg.ErrorCode.NOT_READABLE,
        what,
        where=entry.name,
        remedy="Open the right scan by hand.",
    )
