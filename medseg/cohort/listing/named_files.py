"""Cases told by the names of image files: BIDS, plain files, a subfolder each."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg.cohort.listing.case_names import safe_names, shown
from medseg.core.cohort import CohortCase
from medseg.core.text_table import counted
from medseg.io.checks import stem_of
from medseg.io.file_kinds import FileKind, is_hidden, kind_of_name

_BIDS_DESCRIPTION = "dataset_description.json"
_BIDS_FILES = "sub-*/**/sub-*_*"
_NOT_ANATOMY = {"dwi", "func", "fmap", "perf", "eeg", "meg", "beh"}
_NUMBER = re.compile(r"_(\d{4})$")
_FIRST = "0000"


@dataclass(frozen=True)
class Found:
    """Cases, and what to know about how they were found."""

    cases: Sequence[CohortCase]
    notes: tuple[str, ...] = ()


def of_named_files(folder: Path, channels: Sequence[str]) -> Found | None:
    """Cases of a folder whose scans are image files, however they lie in it.

    Args:
        folder: To look in.
        channels: Of the model.

    Returns:
        None where there are no such files in a layout that is known.
    """
    bids = sorted(file for file in folder.glob(_BIDS_FILES) if _is_image(file))
    if bids or (folder / _BIDS_DESCRIPTION).is_file():
        return _of_bids(bids, folder, channels)
    if files := _image_files(folder):
        return _of_files(files, folder, channels)
    if only := _only_files(folder):
        return _of_subfolders(only, folder, channels)
    return None


def weighting(name: str) -> str:
    """Of a channel or suffix; T1w and T1 are the same."""
    return name.lower().removesuffix("w")


def _of_bids(files: Iterable[Path], folder: Path, channels: Sequence[str]) -> Found:
    """Scans below sub-*, by what their names say before the suffix (T1w, ct ...)."""
    scans: dict[str, dict[str, Path]] = {}
    for file in files:
        if _NOT_ANATOMY.isdisjoint(file.relative_to(folder).parent.parts):
            entities, _, suffix = stem_of(file).rpartition("_")
            scans.setdefault(entities, {})[suffix] = file
    images = {each: _images_of_bids(scans[each], channels) for each in scans}
    names = safe_names((each, each) for each in images if images[each])
    cases = [
        CohortCase(
            case_id=name, images=images[each], patient=shown(each.partition("_")[0])
        )
        for each, name in names.items()
    ]
    left = {each: found for each, found in scans.items() if not images[each]}
    if not left:
        return Found(cases)
    suffixes = Counter(suffix for found in left.values() for suffix in found)
    listed = ", ".join(
        f"{shown(name)} {count}" for name, count in suffixes.most_common()
    )
    wanted = ", ".join(channels)
    note = (
        f"{counted(len(left), 'scan')} left out, as none of its files is clearly "
        f"{wanted} ({listed}), such as {shown(next(iter(left)))}: name the file in a "
        "list (medseg cohort list)"
    )
    return Found(cases, (note,))


def _images_of_bids(
    suffixes: Mapping[str, Path], channels: Sequence[str]
) -> tuple[Path, ...]:
    """A file for each channel; nothing where one is missing.

    A model of one channel takes the only scan there is, whatever it is called.
    """
    named = {weighting(suffix): file for suffix, file in suffixes.items()}
    wanted = [weighting(channel) for channel in channels]
    if all(name in named for name in wanted):
        return tuple(named[name] for name in wanted)
    return tuple(suffixes.values()) if len(wanted) == len(suffixes) == 1 else ()


def _of_files(files: Sequence[Path], folder: Path, channels: Sequence[str]) -> Found:
    """One case a file, or one for the files that differ by their number alone."""
    notes = _not_looked_in(folder)
    scans: dict[str, dict[str, Path]] = {}
    for file in files:
        name, number = _name_and_number(stem_of(file))
        found = scans.setdefault(name, {})
        found[number if number not in found else file.name] = file  # in two formats
    is_numbered = all(_FIRST in found for found in scans.values())
    if is_numbered or len(channels) > 1:
        return _of_numbered(scans, channels, notes)
    names = safe_names((file, stem_of(file)) for file in files)
    cases = [CohortCase(case_id=names[file], images=(file,)) for file in files]
    return Found(cases, notes)


def _of_numbered(
    scans: Mapping[str, Mapping[str, Path]],
    channels: Sequence[str],
    notes: tuple[str, ...],
) -> Found:
    """Scans with a file for each channel, or one that holds them all."""
    numbers = [f"{number:04}" for number in range(len(channels))]
    whole = [name for name, found in scans.items() if list(found) in (numbers, [""])]
    names = safe_names((name, name) for name in whole)
    cases = [
        CohortCase(case_id=names[name], images=tuple(scans[name].values()))
        for name in whole
    ]
    if left := sorted(scans.keys() - set(whole)):
        wanted = " ".join(f"{shown(left[0])}_{number}" for number in numbers)
        notes += (f"{len(left)} scans left out, for not being exactly as {wanted}",)
    return Found(cases, notes)


def _name_and_number(stem: str) -> tuple[str, str]:
    number = _NUMBER.search(stem)
    return (stem[: number.start()], number[1]) if number else (stem, "")


def _not_looked_in(folder: Path) -> tuple[str, ...]:
    count = sum(path.is_dir() for path in _seen_in(folder))
    return (f"{count} folders beside the files were not looked into",) if count else ()


def _only_files(folder: Path) -> dict[Path, Path]:
    """Of each subfolder with one image file right in it, that file.

    None where most have no such file: a stray one does not make a layout.
    """
    below = [path for path in _seen_in(folder) if path.is_dir()]
    images = {path: _image_files(path) for path in below}
    found = {path: files[0] for path, files in images.items() if len(files) == 1}
    return found if 2 * len(found) >= len(below) else {}


def _of_subfolders(
    files: Mapping[Path, Path], folder: Path, channels: Sequence[str]
) -> Found:
    """One case a subfolder, named as it is."""
    names = safe_names((path, path.name) for path in files)
    cases = [CohortCase(case_id=names[p], images=(files[p],)) for p in files]
    others = sum(path.is_dir() and path not in files for path in _seen_in(folder))
    notes: tuple[str, ...] = ()
    if others:
        notes = (f"{others} folders without exactly one image were left out",)
    if len(channels) > 1:
        notes += (f"each file must hold {', '.join(channels)}",)
    return Found(cases, notes)


def _image_files(folder: Path) -> list[Path]:
    return [file for file in _seen_in(folder) if _is_image(file)]


def _seen_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not is_hidden(path.name))


def _is_image(file: Path) -> bool:
    """Also of a link that leads nowhere, which is told as a fault and not left out."""
    kind = kind_of_name(file)
    is_image = kind not in (None, FileKind.DICOM) and not is_hidden(file.name)
    return is_image and (file.is_file() or file.is_symlink())
