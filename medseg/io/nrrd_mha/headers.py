"""NRRD and MetaImage headers: where the voxels lie, and whether they are all there.

ITK reports a truncated file itself, but returns a MetaImage whose compressed voxels
are damaged as if nothing were wrong, and passes over voxels that the header does not
count; what is compressed is unpacked here once to see.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, isal_zlib

from medseg.core.errors import ErrorCode, UnusableInput

_MAX_HEADER = 2**20
_CHUNK = 2**20  # stays in the processor's cache
_PATIENT_SPACES = (
    *("right-anterior-superior", "left-anterior-superior", "left-posterior-superior"),
    *("ras", "las", "lps"),
)
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub
_DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, _ISAL_ERROR)


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
        space = self.fields.get("space", "").lower()
        return space in _PATIENT_SPACES or "objecttype" in self.fields


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


def rest_after(header: TextHeader, byte_count: int, path: Path) -> int:
    """Bytes after the last voxel; 0 where that cannot be told.

    Args:
        header: Of the file.
        byte_count: Bytes that the voxels take, not compressed.
        path: For messages.

    Raises:
        UnusableInput: TRUNCATED_FILE when voxels are missing or damaged.
    """
    stored = _stored_bytes(header)
    if stored is None:
        return 0
    if stored < byte_count:
        raise UnusableInput(
            ErrorCode.TRUNCATED_FILE,
            "the file ends before its last voxel, or is damaged",
            where=path,
            remedy="Copy or download it again.",
        )
    return stored - byte_count


def _stored_bytes(header: TextHeader) -> int | None:
    """Bytes of voxels in a file; -1 where damaged, None where that cannot be told."""
    if header.is_compressed_meta_image:
        return _inflated_size(header)
    encoding = header.fields.get("encoding", "raw").lower()
    skipped = _skipped_bytes(header.fields)
    if skipped is None or encoding not in ("raw", "gzip", "gz"):
        return None
    if encoding == "raw":
        return header.data_path.stat().st_size - header.offset - skipped
    return _unpacked_size(header) - skipped


def _skipped_bytes(fields: dict[str, str]) -> int | None:
    """Bytes that an NRRD file has before its voxels; None for lines or from the end."""
    skipped = fields.get("byte skip", fields.get("byteskip", "0"))
    has_lines = not {"line skip", "lineskip"}.isdisjoint(fields)
    return None if has_lines or not skipped.isdecimal() else int(skipped)


def _nrrd(block: bytes, path: Path) -> TextHeader:
    line_end = b"\r\n" if block.partition(b"\n")[0].endswith(b"\r") else b"\n"
    text, _, _ = block.partition(line_end * 2)
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            fields[name.strip().lower()] = value.lstrip("=").strip()
    detached = fields.get("data file", fields.get("datafile"))
    if detached is None:
        return TextHeader(
            fields=fields, data_path=path, offset=len(text) + 2 * len(line_end)
        )
    return TextHeader(fields=fields, data_path=path.parent / detached, offset=0)


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


def _inflated_size(header: TextHeader) -> int:
    """Bytes that the voxels of a compressed MetaImage take; -1 where damaged."""
    unpacker = isal_zlib.decompressobj(wbits=isal_zlib.MAX_WBITS | 32)  # zlib or gzip
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
        except _ISAL_ERROR:
            return -1
    return size if unpacker.eof else -1


def _unpacked_size(header: TextHeader) -> int:
    """Bytes that the voxels of a gzipped NRRD take; -1 where damaged."""
    size = 0
    with header.data_path.open("rb") as stream:
        stream.seek(header.offset)
        try:
            with igzip.IGzipFile(fileobj=stream) as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    size += len(chunk)
        except _DAMAGED_GZIP:
            return -1
    return size
