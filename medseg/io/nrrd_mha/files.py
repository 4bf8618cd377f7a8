"""NRRD and MHA/MHD files <-> volumes and label maps, through SimpleITK.

ITK's world is LPS; it is turned into RAS here.
"""

import errno
import shutil
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import LPS_TO_RAS, Affine, Geometry
from medseg.core.labels import LabelSet
from medseg.core.volume import Segmentation, Volume
from medseg.io.checks import (
    as_float32,
    case_id_of,
    channels_first,
    require_axes,
    require_believable_size,
    require_file,
    require_right_angles,
    sha256_of_all,
)
from medseg.io.label_maps.named_voxels import (
    as_label_map,
    named_labels,
    names_path,
    read_provenance,
)
from medseg.io.nrrd_mha.headers import TextHeader, read_text_header, rest_after
from medseg.io.nrrd_mha.units import lengths_of
from medseg.io.regular_grid import upright
from medseg.io.rests import require_no_rest
from medseg.io.safe_writing import written_whole

_ITEM_BYTES = 8  # the widest number a voxel can be


@dataclass(frozen=True, kw_only=True)
class ItkHeader:
    """What a header says.

    Attributes:
        shape: Size along i, j, k and, if above 1, the channels.
        geometry: Place of the voxels as stored, in RAS millimetres; its axes are at
            right angles unless a shear was accepted.
        notes: What had to be decided.
    """

    shape: tuple[int, ...]
    geometry: Geometry
    notes: tuple[str, ...]


def read_itk_volume(
    path: Path,
    channels: tuple[str, ...] | int | None = None,
    accept: AbstractSet[Accepted] = frozenset(),
) -> Volume:
    """Read a scan; a vector or a fourth dimension is taken as channels, if named.

    Args:
        path: The file, or its header.
        channels: Name of each channel, or the number of the only one to take.
        accept: Problems that are mended and not refused.

    Raises:
        UnusableInput: The file is damaged, its geometry is not usable, a voxel is not
            finite, or it does not have the channels named.
    """
    header, values = _read(path, accept)
    if values.dtype.kind == "f":
        values = as_float32(values, path)
    volume = Volume(
        array=channels_first(values, channels, path),
        geometry=header.geometry,
        channels=channels if isinstance(channels, tuple) else ("image",),
        case_id=case_id_of(path),
        sha256=sha256_of_all({path, read_text_header(path).data_path}),
        notes=header.notes,
    )
    return upright(volume, path)


def read_itk_labels(path: Path, labels: LabelSet | None = None) -> Segmentation:
    """Read a label map.

    Raises:
        UnusableInput: NOT_A_LABEL_MAP, UNKNOWN_LABEL, or as for a scan.
    """
    header, values = _read(path)
    if values.ndim != 3:
        raise UnusableInput(
            ErrorCode.NOT_A_LABEL_MAP,
            f"a label map has three dimensions, this file {values.shape}",
            where=path,
            remedy="Give one 3D label map (3D Slicer: export segments to a labelmap).",
        )
    label_map = as_label_map(values, path)
    return Segmentation(
        array=label_map,
        geometry=header.geometry,
        labels=named_labels(label_map, labels, path),
        case_id=case_id_of(path),
        provenance=read_provenance(names_path(path)),
        notes=header.notes,
    )


def write_itk_volume(volume: Volume, path: Path, *, overwrite: bool = False) -> None:
    """Write a scan, compressed; several channels become a vector per voxel.

    Raises:
        WrongUse: OUTPUT_EXISTS.
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    is_vector = len(volume.channels) > 1
    array = np.moveaxis(volume.array, 0, -1) if is_vector else volume.array[0]
    with written_whole(path, overwrite=overwrite) as temporary:
        save_itk(array, volume.geometry, temporary)


def read_itk_header(path: Path) -> ItkHeader:
    """Read and check the header alone.

    Raises:
        UnusableInput: As `read_itk_volume`, where the header shows it.
    """
    require_file(path)
    text = read_text_header(path)
    return _checked(_reader(path), text, path, frozenset())


def _read(
    path: Path, accept: AbstractSet[Accepted] = frozenset()
) -> tuple[ItkHeader, np.ndarray]:
    require_file(path)
    text = read_text_header(path)
    reader = _reader(path)
    header = _checked(reader, text, path, accept)
    item_bytes = _item_bytes(reader)
    rest = rest_after(text, int(np.prod(header.shape)) * item_bytes, path)
    on_rest = require_no_rest(rest, header.shape, item_bytes, path)
    header = replace(header, notes=header.notes + on_rest)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            f"its voxels cannot be read: {_last_line(error, path)}",
            where=path,
            remedy="Copy or download it again.",
        ) from error
    values: np.ndarray = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        values = np.moveaxis(values, -1, 0)
    return header, values.T.reshape(header.shape)


def _reader(path: Path) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise UnusableInput(
            ErrorCode.NOT_AN_IMAGE,
            f"its header cannot be read: {_last_line(error, path)}",
            where=path,
            remedy="Give an image, or get the file again if it should be one.",
        ) from error
    return reader


def _checked(
    reader: sitk.ImageFileReader,
    text: TextHeader,
    path: Path,
    accept: AbstractSet[Accepted],
) -> ItkHeader:
    size = [int(count) for count in reader.GetSize()]
    components = int(reader.GetNumberOfComponents())
    is_complex = reader.GetPixelID() in (
        sitk.sitkComplexFloat32,
        sitk.sitkComplexFloat64,
    )
    if is_complex or (len(size) == 4 and components > 1):
        raise _not_a_volume("complex numbers, or vectors in four dimensions", path)
    if len(size) not in (3, 4):
        raise _not_a_volume(f"{len(size)} dimensions", path)
    shape = (*size[:3], *[n for n in (*size[3:], components) if n > 1])
    require_believable_size(shape, _item_bytes(reader), path)
    lengths = lengths_of(text, path)
    affine = _affine(reader, len(size), lengths.mm_per_unit)
    require_axes(affine, path)
    accepted = require_right_angles(affine, path, accept)
    unoriented = () if text.is_oriented else ("the file does not give an orientation",)
    return ItkHeader(
        shape=shape,
        geometry=Geometry((size[0], size[1], size[2]), affine),
        notes=(*lengths.notes, *unoriented, *accepted),
    )


def _affine(
    reader: sitk.ImageFileReader, dimensions: int, mm_per_unit: float
) -> Affine:
    """Affine in RAS out of ITK's LPS origin, spacing and direction."""
    direction = np.array(reader.GetDirection()).reshape(dimensions, dimensions)
    affine = np.eye(4)
    affine[:3, :3] = direction[:3, :3] * np.array(reader.GetSpacing()[:3])
    affine[:3, 3] = reader.GetOrigin()[:3]
    affine[:3] *= mm_per_unit
    in_ras: np.ndarray = LPS_TO_RAS @ affine
    return in_ras


def save_itk(array: np.ndarray, geometry: Geometry, file: Path) -> None:
    """Write voxels (i, j, k) or (i, j, k, channel) straight into a file, compressed.

    Raises:
        OSError: As when any other file is written.
    """
    in_lps = LPS_TO_RAS @ geometry.affine
    if array.dtype in (np.bool_, np.float16):
        array = array.astype(np.uint8 if array.dtype == np.bool_ else np.float32)
    reversed_axes = (2, 1, 0) if array.ndim == 3 else (2, 1, 0, 3)
    image = sitk.GetImageFromArray(
        np.ascontiguousarray(array.transpose(reversed_axes)), isVector=array.ndim == 4
    )
    image.SetSpacing(geometry.spacing_mm)
    image.SetDirection((in_lps[:3, :3] / geometry.spacing_mm).flatten().tolist())
    image.SetOrigin(in_lps[:3, 3].tolist())
    try:
        sitk.WriteImage(image, str(file), useCompression=True)
    except RuntimeError as error:
        is_full = shutil.disk_usage(file.parent).free < array.nbytes
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, _last_line(error, file)) from error


def _item_bytes(reader: sitk.ImageFileReader) -> int:
    name = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    bits = [int(word) for word in name.replace("-", " ").split() if word.isdigit()]
    return bits[0] // 8 if bits else _ITEM_BYTES


def _last_line(error: RuntimeError, path: Path) -> str:
    """What ITK says in the end, without the folder the file is in."""
    return str(error).strip().splitlines()[-1].strip().replace(str(path), path.name)


def _not_a_volume(what: str, path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.NOT_A_VOLUME,
        f"it has {what}",
        where=path,
        remedy="Give a 3D volume of intensities or labels.",
    )
