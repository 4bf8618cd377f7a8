"""Write a scan or a label map in the format that the file's suffix names."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medseg import io
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.uncertainty import StructureUncertainty, means_by_structure
from medseg.core.volume import Segmentation, Volume
from medseg.io.file_kinds import FileKind, SegmentationFormat, kind_of_name
from medseg.io.label_maps.companions import probabilities_path, uncertainty_path
from medseg.io.label_maps.named_voxels import describe_segmentation, names_path
from medseg.io.label_maps.stale_lesions import stale_lesion_files
from medseg.io.safe_writing import (
    Saver,
    require_absent,
    require_place,
    text_saver,
    write_together,
    written_whole,
)

_STEPS = 4096
_IN_TWO_FILES = (".nhdr", ".mhd")
_WRITABLE = ".nii.gz, .nii, .nrrd, .mha"
_SUFFIXES = {
    ".nii.gz": (SegmentationFormat.NIFTI,),
    ".nii": (SegmentationFormat.NIFTI,),
    ".nrrd": (SegmentationFormat.NRRD,),
    ".mha": (SegmentationFormat.META_IMAGE,),
    ".dcm": (
        SegmentationFormat.DICOM_SEG,
        SegmentationFormat.DICOM_SEG_LABELMAP,
        SegmentationFormat.RTSTRUCT,
    ),
}
"""What label maps are written in, by suffix; the first where there is a choice."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shares:
    """Values from 0 to 1 at each voxel that belong to a label map.

    Attributes:
        probabilities: A channel a label, background first.
        uncertainty: From `medseg.predict` or `medseg.uncertainty_of`.
        structures: From the latter, for the `.json` beside the label map. Without
            them it has the means of the uncertainty over each structure.
    """

    probabilities: Volume | None = None
    uncertainty: Volume | None = None
    structures: tuple[StructureUncertainty, ...] = ()

    def savers(self, path: Path) -> dict[Path, Saver]:
        """What writes each of them, by the file it belongs in.

        Args:
            path: Of the label map.
        """
        named = (
            (probabilities_path(path), self.probabilities),
            (uncertainty_path(path), self.uncertainty),
        )
        return {
            file: partial(io.save_nifti_shares, volume, _STEPS)
            for file, volume in named
            if volume is not None
        }

    def by_structure(
        self, segmentation: Segmentation
    ) -> tuple[StructureUncertainty, ...]:
        """How unsure a model was of each structure; empty where that is not known.

        Args:
            segmentation: The label map.
        """
        if self.structures or self.uncertainty is None:
            return self.structures
        return means_by_structure(segmentation, self.uncertainty)


NO_SHARES = Shares()


def write_segmentation(
    segmentation: Segmentation,
    path: Path | str,
    *,
    source: Volume | None = None,
    file_format: SegmentationFormat | None = None,
    shares: Shares = NO_SHARES,
    overwrite: bool = False,
) -> None:
    """Write a label map, and beside it a `.json` with its names and provenance.

    All files are complete on the disk before any replaces an earlier one; the label map
    comes last, so that where it is new, its names are. What tells of an earlier one's
    lesions (instance map, table, boxes) goes with it.

    Args:
        segmentation: What to write.
        path: The file: .nii.gz, .nii, .nrrd, .mha, or .dcm for DICOM.
        source: The scan it was made of, for DICOM only: output refers to its slices and
            carries on its patient and study.
        file_format: For .dcm a DICOM-SEG where not given.
        shares: Written beside it as `write_probabilities` and `write_uncertainty` do.
        overwrite: Replace an earlier file.

    Raises:
        WrongUse: UNKNOWN_FORMAT, NO_DICOM_SOURCE when DICOM is to be written and the
            scan was none, or OUTPUT_EXISTS when one of these files is there.
        UnusableInput: GRID_MISMATCH or INVALID_HEADER when the label map does not fit
            the source's slices; DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    file_format = require_writable(path, file_format=file_format, overwrite=overwrite)
    save = _saver(segmentation, path, file_format, source)
    unsure = shares.by_structure(segmentation)
    description = describe_segmentation(segmentation, unsure)
    names = {names_path(path): text_saver(description)}
    savers = shares.savers(path) | names | {path: save}
    write_together(savers, stale=stale_lesion_files(path), overwrite=overwrite)


def _saver(
    segmentation: Segmentation,
    path: Path,
    file_format: SegmentationFormat,
    source: Volume | None,
) -> Saver:
    """What writes a label map to a file; made before any file is.

    Raises:
        WrongUse: NO_DICOM_SOURCE.
        UnusableInput: When the source does not fit.
    """
    if file_format.is_dicom:
        images = io.read_source(source, segmentation.geometry, path)
        if file_format is SegmentationFormat.RTSTRUCT:
            return partial(io.save_rtstruct, segmentation, images)
        return partial(io.save_dicom_seg, segmentation, images, file_format=file_format)
    is_nifti = file_format is SegmentationFormat.NIFTI
    save = io.save_nifti if is_nifti else io.save_itk
    return partial(save, segmentation.array, segmentation.geometry)


def write_volume(volume: Volume, path: Path | str, *, overwrite: bool = False) -> None:
    """Write a scan.

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    path = Path(path)
    if _is_nifti(path):
        io.write_nifti_volume(volume, path, overwrite=overwrite)
    else:
        io.write_itk_volume(volume, path, overwrite=overwrite)


def write_probabilities(
    probabilities: Volume, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write the probabilities that belong to a label map, in steps of 1/4096.

    They are stored as whole numbers with a scale factor: half the space of float32, and
    packed well.

    Args:
        probabilities: A channel a label, background first.
        path: Of the label map; the file's name is `probabilities_path` of it.
        overwrite: Replace an earlier file.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    _write_in_steps(probabilities, probabilities_path(path), overwrite=overwrite)


def write_uncertainty(
    uncertainty: Volume, path: Path | str, *, overwrite: bool = False
) -> None:
    """Write the uncertainty that belongs to a label map, in steps of 1/4096.

    Args:
        uncertainty: From `medseg.predict`.
        path: Of the label map; the file's name is `uncertainty_path` of it.
        overwrite: Replace an earlier file.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    _write_in_steps(uncertainty, uncertainty_path(path), overwrite=overwrite)


def _write_in_steps(shares: Volume, path: Path, *, overwrite: bool) -> None:
    with written_whole(path, overwrite=overwrite) as file:
        io.save_nifti_shares(shares, _STEPS, file)


def require_writable(
    path: Path,
    *,
    file_format: SegmentationFormat | None = None,
    overwrite: bool,
) -> SegmentationFormat:
    """Refuse, before any work is done, a label map that could not be written.

    Returns:
        The format it would have.

    Raises:
        WrongUse: UNKNOWN_FORMAT or OUTPUT_EXISTS.
    """
    chosen = _format(path, file_format)
    require_absent(path, overwrite=overwrite)
    if names_path(path).exists() and not overwrite:
        raise WrongUse(
            ErrorCode.OUTPUT_EXISTS,
            "the names and provenance of another label map are already there",
            where=names_path(path),
            remedy="Give another name before the suffix, or let this be "
            "replaced (--overwrite).",
        )
    for file in stale_lesion_files(path):
        require_absent(file, overwrite=overwrite)
    require_place(path)
    return chosen


def require_dicom_source(scan: Volume, path: Path) -> None:
    """Refuse, before any work is done, a scan that DICOM output could not refer to.

    Args:
        scan: What is to be segmented.
        path: File to be written.

    Raises:
        WrongUse: NO_DICOM_SOURCE.
        UnusableInput: What keeps its series from being referred to.
    """
    io.read_source(scan, scan.geometry, path)


def _format(path: Path, wanted: SegmentationFormat | None) -> SegmentationFormat:
    """The format that is wanted, if the file is named for it, else that of its name.

    Raises:
        WrongUse: UNKNOWN_FORMAT.
    """
    suffix = next(
        (each for each in _SUFFIXES if path.name.lower().endswith(each)), None
    )
    if suffix is None:
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            _unwritten(path),
            where=path,
            remedy=f"Use one of {', '.join(_SUFFIXES)}.",
        )
    possible = _SUFFIXES[suffix]
    if wanted is None or wanted in possible:
        return wanted or possible[0]
    fitting = [each for each, formats in _SUFFIXES.items() if wanted in formats]
    raise WrongUse(
        ErrorCode.UNKNOWN_FORMAT,
        f"a file of format {wanted} does not end in {suffix}",
        where=path,
        remedy=f"Use {' or '.join(fitting)}, or leave the format out.",
    )


def _unwritten(path: Path) -> str:
    if not path.suffix:
        return "the name has no suffix that says the format"
    return f"files ending in {path.suffix!r} are not written"


def _is_nifti(path: Path) -> bool:
    """Whether a path names a NIfTI file; if not, it names an NRRD or MHA file.

    Raises:
        WrongUse: UNKNOWN_FORMAT.
    """
    kind = kind_of_name(path)
    if kind is None or path.suffix.lower() in _IN_TWO_FILES:
        raise WrongUse(
            ErrorCode.UNKNOWN_FORMAT,
            _unwritten(path),
            where=path,
            remedy=f"Use one of {_WRITABLE}.",
        )
    return kind is FileKind.NIFTI
