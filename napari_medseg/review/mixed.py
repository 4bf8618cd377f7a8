"""Scans and label maps of one folder told apart and brought together; knows no Qt.

Files of one case begin with the same words: `p1_ct.nii.gz` and `p1_seg.nii.gz`. Where
that leaves a choice, the label map is that of the scan with the same grid.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import medseg
from napari_medseg.opening.label_files import REFERENCE_WORDS, is_named_as_label_map

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".nhdr")
_OF_A_SHARE = {"probabilities", "uncertainty"}
_MOST_MODELS = 2


@dataclass(frozen=True, eq=False, kw_only=True)
class Sorted:
    """The files of a folder by what they are.

    Attributes:
        images: Scan of each case.
        references: Reference of each case that has one.
        predictions: Label map of each case, by the name of the model.
    """

    images: Mapping[str, Path]
    references: Mapping[str, Path]
    predictions: Mapping[str, Mapping[str, Path]]


def is_mixed(folder: Path) -> bool:
    """Whether both scans and label maps lie in a folder, as their names tell.

    Raises:
        OSError: When it cannot be read.
    """
    files = (file for file in folder.iterdir() if _is_image(file))
    return {is_named_as_label_map(file) for file in files} == {True, False}


def sort_out(folder: Path) -> Sorted:
    """Tell scans from label maps by their names, and bring those of a case together.

    A case is called as its scan. A model is called as the folder where no case has more
    than one label map, and as what its label maps' names end with where some have.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER; INVALID_DATASET when two
            files have one name before the suffix.
    """
    by_name = medseg.label_maps_by_case(folder)  # whatever they hold
    files = [file for file in by_name.values() if _is_image(file)]
    label_maps = [file for file in files if is_named_as_label_map(file)]
    scans = [file for file in files if file not in label_maps]
    references: dict[str, Path] = {}
    made: list[tuple[str, str, Path]] = []  # case, model, label map
    for file in label_maps:
        scan = _scan_of(file, scans)
        case_id = _stem(scan or file)
        if REFERENCE_WORDS & set(_words(file)):
            references[case_id] = file
        else:
            made.append((case_id, _rest(file, scan), file))
    if len({case_id for case_id, _, _ in made}) == len(made):
        made = [(case_id, folder.name, file) for case_id, _, file in made]
    models = [name for name, _ in Counter(name for _, name, _ in made).most_common()]
    return Sorted(
        images={_stem(file): file for file in scans},
        references=references,
        predictions={
            model: {case_id: file for case_id, name, file in made if name == model}
            for model in models[:_MOST_MODELS]
        },
    )


def _is_image(file: Path) -> bool:
    return (
        file.name.lower().endswith(_ENDINGS)
        and not file.name.startswith(".")
        and not _OF_A_SHARE & set(_words(file))
    )


def _scan_of(label_map: Path, scans: Iterable[Path]) -> Path | None:
    """The scan a label map was made of; None where that is not to be told."""
    shared = {scan: len(_shared(_words(scan), _words(label_map))) for scan in scans}
    most = max(shared.values(), default=0)
    likely = [scan for scan, count in shared.items() if count == most]
    if len(likely) == 1:
        return likely[0]
    grid = _grid(label_map)
    on_grid = [scan for scan in likely if _grid(scan) == grid]
    if len(on_grid) == 1:
        return on_grid[0]
    return min(on_grid or likely, key=lambda scan: len(_words(scan))) if most else None


def _grid(file: Path) -> object:
    """What the header says of a file's voxels; None where it cannot be read."""
    try:
        info = medseg.find_volumes(file)[0]
    except medseg.MedSegError:
        return None
    return info.shape[:3], info.spacing_mm, info.orientation


def _rest(label_map: Path, scan: Path | None) -> str:
    """What a label map's name has beyond that of its scan."""
    words = _words(label_map)
    shared = _shared(words, _words(scan)) if scan is not None else ()
    return "_".join(words[len(shared) :]) or _stem(label_map)


def _shared(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The words with which both begin."""
    pairs = zip(first, second, strict=False)
    return [word for word, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _words(file: Path) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", _stem(file).lower()) if word]


def _stem(file: Path) -> str:
    return file.name.removesuffix(".gz").rpartition(".")[0]
