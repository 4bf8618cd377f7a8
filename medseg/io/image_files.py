"""Which file of a folder is the image, and of what format it is."""

from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io.file_kinds import FileKind, files_below, kind_of_file
from medseg.io.read_ahead import kinds_of_files


def only_image(folder: Path, *, is_choice: bool) -> Path | None:
    """The one image in a folder without DICOM; None for a DICOM folder.

    Without a series to take, `is_choice`, images among DICOM files are refused.
    """
    files = files_below(folder)
    kinds = kinds_of_files(files)
    has_dicom = FileKind.DICOM in kinds.values()
    images = [f for f, kind in kinds.items() if kind not in (None, FileKind.DICOM)]
    if has_dicom and not (is_choice and images):
        return None
    if len(images) == 1 and not has_dicom:
        return images[0]
    if images:
        names = ", ".join(str(image.relative_to(folder)) for image in images[:8])
        more = f" and {len(images) - 8} more" if len(images) > 8 else ""
        dicom = "DICOM files and " if has_dicom else ""
        raise WrongUse(
            ErrorCode.SEVERAL_SERIES,
            f"the folder holds {dicom}{len(images)} image(s): {names}{more}",
            where=folder,
            remedy="Give one of these files"
            + (", or the DICOM series with --series." if has_dicom else "."),
        )
    raise UnusableInput(
        ErrorCode.EMPTY_FOLDER,
        "the folder holds no file" if not files else "the folder holds no image",
        where=folder,
        remedy="Give a folder of DICOM files, or a NIfTI, NRRD or MHA file.",
    )


def kind_of_image(file: Path) -> FileKind:
    """Format of an image.

    Raises:
        UnusableInput: NOT_AN_IMAGE.
    """
    kind = kind_of_file(file)
    if kind is None:
        raise UnusableInput(
            ErrorCode.NOT_AN_IMAGE,
            "this file is not an image of a known format",
            where=file,
            remedy="Give a DICOM file or folder, or a NIfTI, NRRD or MHA file.",
        )
    return kind
