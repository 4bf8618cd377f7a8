"""Scans whose every text tells of the patient, and the search for it in any file."""

import base64
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence

WORD = "Kanarienvogel"
DAY, CLOCK, AGE = "19090807", "050607.89", "107Y"
WEIGHT, UID_ROOT = "90908.0706", "1.2.826.0.90908070"
_BY_VR = {
    **dict.fromkeys(("LO", "SH", "ST", "LT", "UT", "UC"), WORD),
    **dict.fromkeys(("AE", "CS"), WORD.upper()),
    "PN": f"{WORD}^Nathan",
    "UR": f"https://{WORD.lower()}.invalid",
    "DA": DAY,
    "TM": CLOCK,
    "DT": DAY + CLOCK,
    "AS": AGE,
}
_TELLING = (WORD, "Nathan", DAY, "1909-08-07", CLOCK, AGE, WEIGHT)
_NEEDED = {  # what a reader must know to read at all, and a model what it reads
    *("SpecificCharacterSet", "Modality", "PhotometricInterpretation"),
}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def plant_everywhere(data: FileDataset) -> None:
    """Put the canary into every attribute of text there is, and into private ones."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if vr in _BY_VR and tag >> 16 > 4 and keyword not in {"", *_NEEDED}:
            setattr(data, keyword, _BY_VR[vr])
    data.PatientWeight = data.PatientSize = WEIGHT
    item = Dataset()
    item.PatientID = item.ScheduledProcedureStepDescription = WORD
    data.OtherPatientIDsSequence = DicomSequence([item])
    data.RequestAttributesSequence = DicomSequence([item])
    private = data.private_block(0x0011, WORD.upper(), create=True)
    for number, (vr, text) in enumerate(_BY_VR.items()):
        private.add_new(number, vr, text)


def plant_uids(slices: list[FileDataset]) -> None:
    """Give a series identifiers that can be searched for, too."""
    for number, data in enumerate(slices):
        data.StudyInstanceUID = f"{UID_ROOT}.1"
        data.SeriesInstanceUID = f"{UID_ROOT}.2"
        data.FrameOfReferenceUID = f"{UID_ROOT}.3"
        data.SOPInstanceUID = f"{UID_ROOT}.4.{number}"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID


def tells(content: bytes, more: tuple[str, ...] = ()) -> set[str]:
    """Which canaries bytes hold: as they are, in UTF-16, packed, or as base64."""
    found = set()
    for part in _parts(content):
        lower = part.lower()
        for text in (*_TELLING, *more):
            forms = (text.lower().encode(code) for code in ("utf-8", "utf-16-le"))
            if any(form in lower for form in forms):
                found.add(text)
    return found


def telling_files(folder: Path, more: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """Files below a folder whose name or content holds a canary."""
    return {
        str(path.relative_to(folder)): found
        for path in sorted(folder.rglob("*"))
        if (found := _of_path(path, folder, more))
    }


def _of_path(path: Path, folder: Path, more: tuple[str, ...]) -> set[str]:
    found = tells(str(path.relative_to(folder)).encode(), more)
    return found | tells(path.read_bytes(), more) if path.is_file() else found


def _parts(content: bytes) -> Iterator[bytes]:
    """Bytes, and what is packed or encoded in them."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _parts(archive.read(name))
    for at in (found.start() for found in re.finditer(rb"x\x9c|x\xda|x\x01", content)):
        try:
            yield zlib.decompressobj().decompress(content[at:])
        except zlib.error:
            continue
    for found in _BASE64.finditer(content):
        encoded = found[0].rstrip(b"=")
        usable = encoded[: len(encoded) // 4 * 4]
        yield from _parts(base64.b64decode(usable))
