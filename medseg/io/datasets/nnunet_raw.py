"""Cases of a dataset in nnU-Net v2's raw layout.

`imagesTr/CASE_0000.nii.gz`, `CASE_0001.nii.gz` ... hold one channel each and
`labelsTr/CASE.nii.gz` the reference; "file_ending" says what the files end in. Or a
mapping "dataset" names the files of each case.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medseg.core.case import Case
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import case_id_of, reading_errors
from medseg.io.file_kinds import FileKind, kind_of_name

_IMAGES, _LABELS = "imagesTr", "labelsTr"
_CHANNEL_DIGITS = 4


def is_nnunet_raw(content: Mapping[str, Any]) -> bool:
    """Whether a description is of this layout and not of the decathlon's."""
    return "training" not in content and (
        "file_ending" in content or "dataset" in content
    )


def nnunet_cases(
    content: Mapping[str, Any], path: Path, channels: Sequence[str]
) -> tuple[Case, ...]:
    """Cases of a description, each with a file a channel and a reference.

    Args:
        content: The description.
        path: Its file.
        channels: Names, in the order of the files' numbers.

    Raises:
        UnusableInput: INVALID_DATASET when a file is missing (case, channel and file
            are named) or the number of cases is not "numTraining"; UNKNOWN_FORMAT.
    """
    listed = content.get("dataset")
    cases = (
        list(_found(str(content["file_ending"]), path.parent, channels))
        if listed is None
        else [_listed(id_, entry, path.parent) for id_, entry in listed.items()]
    )
    for case in cases:
        _require_complete(case, channels)
    stated = content.get("numTraining")
    if stated is not None and int(stated) != len(cases):
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"numTraining is {int(stated)}, but {len(cases)} training cases are there",
            where=path,
            remedy="Restore the missing cases, or mend numTraining.",
        )
    return tuple(cases)


def _found(ending: str, folder: Path, channels: Sequence[str]) -> Iterator[Case]:
    """Cases by the names of their files."""
    if kind_of_name(Path(f"case{ending}")) in (None, FileKind.DICOM):
        raise UnusableInput(
            ErrorCode.UNKNOWN_FORMAT,
            f"files that end in {ending!r} are not read",
            where=folder,
            remedy="Convert them to .nii.gz, .nrrd or .mha.",
        )
    with reading_errors(folder):
        images = {_without(ending, name) for name in _names(folder / _IMAGES, ending)}
        labels = {_without(ending, name) for name in _names(folder / _LABELS, ending)}
    of_images = {name[: -_CHANNEL_DIGITS - 1] for name in images if _is_numbered(name)}
    for name in sorted(of_images | labels):
        files = (
            folder / _IMAGES / f"{name}_{number:0{_CHANNEL_DIGITS}}{ending}"
            for number in range(len(channels))
        )
        reference = folder / _LABELS / f"{name}{ending}"
        yield Case(id=case_id_of(reference), images=tuple(files), reference=reference)


def _names(folder: Path, ending: str) -> list[str]:
    """Files of a folder; those macOS leaves behind are left out."""
    if not folder.is_dir():
        return []
    names = (file.name for file in folder.iterdir())
    return [n for n in names if n.endswith(ending) and not n.startswith("._")]


def _without(ending: str, name: str) -> str:
    return name[: -len(ending)]


def _is_numbered(name: str) -> bool:
    case, underscore, number = name.rpartition("_")
    return (
        bool(case and underscore)
        and len(number) == _CHANNEL_DIGITS
        and number.isdigit()
    )


def _listed(id_: str, entry: Mapping[str, Any], folder: Path) -> Case:
    """A case whose files the description names."""
    images = tuple(folder / str(image) for image in entry["images"])
    reference = folder / str(entry["label"])
    return Case(
        id=case_id_of(Path(f"{id_}.nii.gz")), images=images, reference=reference
    )


def _require_complete(case: Case, channels: Sequence[str]) -> None:
    if len(case.images) != len(channels):
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"case {case.id}: {len(case.images)} images for {len(channels)} channels",
            where=case.images[0] if case.images else case.id,
            remedy="Give one file a channel.",
        )
    wanted = [*zip(channels, case.images, strict=True)]
    named = [(f"channel {name}", file) for name, file in wanted]
    if case.reference is not None:
        named.append(("the reference", case.reference))
    for what, file in named:
        if not file.is_file():
            raise UnusableInput(
                ErrorCode.INVALID_DATASET,
                f"{what} of case {case.id} is missing",
                where=file,
                remedy="Restore the file.",
            )
