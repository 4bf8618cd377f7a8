"""Label maps of a cohort named as BIDS derivatives.

After the BIDS specification 1.10, "Derivatives: Imaging data types, Segmentations":
`sub-01/anat/sub-01_desc-medseg_dseg.nii.gz` with a table of the labels beside it.
"""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path

from medseg.cohort.folder.places import Places
from medseg.core.labels import LabelSet
from medseg.core.versions import package_versions
from medseg.io.safe_writing import written_whole

_ENTITY = r"[A-Za-z]+-[A-Za-z0-9]+"
_NAMED = re.compile(rf"(sub-[A-Za-z0-9]+)(?:_(ses-[A-Za-z0-9]+))?((?:_{_ENTITY})*)")
_OTHERS = re.compile(r"[^A-Za-z0-9]+")
_DESCRIPTION = re.compile(r"_desc-[A-Za-z0-9]+")
_SUFFIX = re.compile(
    r"_(T1w|T2w|T1rho|T2starw|T2star|PDw|PDT2|inplaneT[12]|UNIT1|FLAIR|FLASH|PD|angio"
    r"|T1map|T2map|T2starmap|PDmap|SWImagandphase|defacemask|ct|CT|pet|PET)$"
)
_VERSION = "1.10.0"
_NOT_BIDS = (
    "/cohort.json",
    "/manifest.csv",
    "/journal*",
    "/run*.lock",
    "/cases*",
    "/scores*",
    "/volumes*",
    "/instances.*",
    "/failures.csv",
    "/index.html",
    "/thumbnails/",
    "/logs/",
    "*.probabilities.nii.gz",
    "*.uncertainty.nii.gz",
    "*.instances.nii.gz",
    "*.instances.csv",
    "*.boxes.json",
)


def bids_name(case_id: str) -> Path:
    """Where the label map of a case lies below the folder of the cohort.

    A name that is one of BIDS keeps its entities, and loses the suffix of a scan; of
    any other a subject is made.

    Args:
        case_id: Name of the case, as "sub-01_ses-2_acq-thin" or "patient_7".
    """
    found = _NAMED.fullmatch(_DESCRIPTION.sub("", _SUFFIX.sub("", case_id)))
    if found is None or _has_entity_twice(found[0]):
        subject, session, rest = f"sub-{_OTHERS.sub('', case_id)}", None, ""
    else:
        subject, session, rest = found[1], found[2], found[3]
    stem = "_".join([subject, *([session] if session else [])]) + rest
    folder = Path(subject, session) if session else Path(subject)
    return folder / "anat" / f"{stem}_desc-medseg_dseg.nii.gz"


def bids_description(places: Places) -> dict[Path, bytes]:
    """What BIDS wants in the top folder, and which files there it should not mind."""
    description = {
        "Name": "Segmentations by MedSeg",
        "BIDSVersion": _VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {"Name": "MedSeg", "Version": dict(package_versions())["medseg"]}
        ],
    }
    return {
        places.folder / "dataset_description.json": json.dumps(
            description, indent=2
        ).encode(),
        places.folder / ".bidsignore": ("\n".join(_NOT_BIDS) + "\n").encode(),
    }


def _has_entity_twice(name: str) -> bool:
    counts = Counter(entity.partition("-")[0] for entity in name.split("_"))
    return max(counts.values()) > 1


def label_table_path(label_map: Path) -> Path:
    """The table of labels beside a label map."""
    return label_map.with_name(label_map.name.removesuffix(".nii.gz") + ".tsv")


def write_label_table(labels: LabelSet, label_map: Path) -> None:
    """The table of labels that BIDS wants: index, name, colour.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["index", "name", "color"])
    for each in labels:
        red, green, blue = each.colour
        writer.writerow([each.id, each.name, f"#{red:02X}{green:02X}{blue:02X}"])
    _write(label_table_path(label_map), text.getvalue())


def _write(path: Path, text: str) -> None:
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
