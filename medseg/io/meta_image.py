"""NRRD and MetaImage headers: where the voxels lie, and whether they are all there.

ITK reports a truncated file itself, but returns a MetaImage whose compressed voxels
are damaged as if nothing were wrong; those are unpacked here once to see.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

from medseg.core.errors import ErrorCode, UnusableInput

_MAX_HEADER = 2**20
_CHUNK = 2**22


@dataclass(frozen=True, kw_only=True)
class TextHeader:
    """Fields of the text at the head of a file.

    Attributes:
        fields: By lower-case name.
        data_path: File that holds the voxels; the same one, or one beside it.
        offset: Byte where they begin.
    """

    fields: dict[str, str]
    data_path: Path
    offset: int

    @property
    def is_compressed_meta_image(self) -> bool:
        """Whether it is a MetaImage with zlib-packed voxels."""
        return self.fields.get("compresseddata", "").lower() == "true"

    @property
    def is_oriented(self) -> bool:
        """Whether the file says which way the patient lies."""
        return "space" in self.fields or "objecttype" in self.fields


def read_text_header(path: Path) -> TextHeader:
    """Read the header of an NRRD or MetaImage file.

    Raises:
        UnusableInput: NOT_AN_IMAGE; NOT_FOUND without its voxels; INVALID_HEADER;
            UNSUPPORTED_ENCODING when the voxels are spread over several files.
    """
    with path.open("rb") as stream:
        block = stream.read(_MAX_HEADER)
    header = _nrrd(block, path) if block.startswith(b"NRRD") else _meta(block, path)
    if header.data_path.name.startswith("LIST") or "%" in header.data_path.name:
        raise UnusableInput(
            ErrorCode.UNSUPPORTED_ENCODING,
            "its voxels are spread over several files",
            where=path,
            remedy="Save the volume as one .nrrd or .mha file.",
        )
    if not header.data_path.is_file():
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            f"the file with its voxels, {header.data_path.name}, is missing",
            where=path,
            remedy="Keep header and data file together.",
        )
    return header


def require_intact(header: TextHeader, byte_count: int, path: Path) -> None:
    """Refuse a MetaImage whose voxels are not all there or are damaged.

    Raises:
        UnusableInput: TRUNCATED_FILE.
    """
    if "objecttype" not in header.fields:
        return
    if header.is_compressed_meta_image:
        is_intact = _unpacked_size(header) == byte_count
    else:
        is_intact = header.data_path.stat().st_size - header.offset >= byte_count
    if not is_intact:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            "the file ends before its last voxel, or is damaged",
            where=path,
            remedy="Copy or download it again.",
        )


def _nrrd(block: bytes, path: Path) -> TextHeader:
    text, _, _ = block.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name.strip().lower()] = value.lstrip("=").strip()
    detached = fields.get("data file", fields.get("datafile"))
    data_path = path if detached is None else path.parent / detached
    return TextHeader(fields=fields, data_path=data_path, offset=0)


def _meta(block: bytes, path: Path) -> TextHeader:
    fields: dict[str, str] = {}
    offset = 0
    for line in block.splitlines(keepends=True):
        offset += len(line)
        name, equals, value = line.decode("utf-8", "replace").partition("=")
        if not equals:
            break
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == "elementdatafile":
            break
    data_name = fields.get("elementdatafile", "")
    if "ndims" not in fields or not data_name:
        raise UnusableInput(
            ErrorCode.NOT_AN_IMAGE,
            "this is neither an NRRD nor a MetaImage file",
            where=path,
            remedy="Give an image, or get the file again if it should be one.",
        )
    fields.setdefault("objecttype", "Image")
    if data_name.upper() == "LOCAL":
        return TextHeader(fields=fields, data_path=path, offset=offset)
    data_path = path.parent / data_name
    return TextHeader(
        fields=fields, data_path=data_path, offset=_header_size(fields, path)
    )


def _header_size(fields: dict[str, str], path: Path) -> int:
    """Bytes before the voxels in a data file of their own."""
    stated = fields.get("headersize", "0")
    try:
        return max(int(stated), 0)
    except ValueError as error:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            f"its HeaderSize is {stated!r}, not a number of bytes",
            where=path,
            remedy="Mend the header, or get the file again.",
        ) from error


def _unpacked_size(header: TextHeader) -> int:
    """Bytes that the compressed voxels hold; -1 when they cannot be unpacked."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # zlib or gzip
    size = 0
    with header.data_path.open("rb") as stream:
        stream.seek(header.offset)
        try:
            while not unpacker.eof:
                packed = unpacker.unconsumed_tail or stream.read(_CHUNK)
                unpacked = unpacker.decompress(packed, _CHUNK)
                if not packed and not unpacked:
                    break
                size += len(unpacked)
        except zlib.error:
            return -1
    return size if unpacker.eof else -1
