"""What a structure is, in DICOM's codes (SNOMED CT), and the way back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from medseg.core.labels import Structure, StructureKind, kind_of

ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
ABNORMALITY = Code("49755003", "SCT", "Morphologically Altered Structure")
LEFT = Code("7771000", "SCT", "Left")
RIGHT = Code("24028007", "SCT", "Right")

_SIDES = {"left": LEFT, "l": LEFT, "lt": LEFT}
_SIDES |= {"right": RIGHT, "r": RIGHT, "rt": RIGHT}

_ORGANS = {
    "adrenal gland": ("23451007", "Adrenal gland"),
    "aorta": ("15825003", "Aorta"),
    "brain": ("12738006", "Brain"),
    "breast": ("76752008", "Breast"),
    "clavicle": ("51299004", "Clavicle"),
    "colon": ("71854001", "Colon"),
    "duodenum": ("38848004", "Duodenum"),
    "esophagus": ("32849002", "Esophagus"),
    "femur": ("71341001", "Femur"),
    "gallbladder": ("28231008", "Gallbladder"),
    "heart": ("80891009", "Heart"),
    "hepatic vein": ("8993003", "Hepatic vein"),
    "hippocampus": ("5366008", "Hippocampus"),
    "humerus": ("85050009", "Humerus"),
    "inferior vena cava": ("64131007", "Inferior vena cava"),
    "kidney": ("64033007", "Kidney"),
    "liver": ("10200004", "Liver"),
    "lung": ("39607008", "Lung"),
    "mandible": ("91609006", "Mandible"),
    "pancreas": ("15776009", "Pancreas"),
    "parotid gland": ("45289007", "Parotid gland"),
    "portal vein": ("32764006", "Portal vein"),
    "prostate": ("41216001", "Prostate"),
    "pulmonary artery": ("81040000", "Pulmonary artery"),
    "rectum": ("34402009", "Rectum"),
    "sacrum": ("54735007", "Sacrum"),
    "scapula": ("79601000", "Scapula"),
    "skin": ("39937001", "Skin"),
    "small intestine": ("30315005", "Small intestine"),
    "spinal cord": ("2748008", "Spinal cord"),
    "spleen": ("78961009", "Spleen"),
    "sternum": ("56873002", "Sternum"),
    "stomach": ("69695003", "Stomach"),
    "superior vena cava": ("48345005", "Superior vena cava"),
    "thymus": ("9875009", "Thymus"),
    "trachea": ("44567001", "Trachea"),
    "urinary bladder": ("89837001", "Urinary bladder"),
    "uterus": ("35039007", "Uterus"),
}
_OTHER_WORDS = {
    "bladder": "urinary bladder",
    "gall bladder": "gallbladder",
    "oesophagus": "esophagus",
    "postcava": "inferior vena cava",
    "small bowel": "small intestine",
}
_SIDED_ORGANS = {
    ("kidney", LEFT): ("18639004", "Left kidney"),
    ("kidney", RIGHT): ("9846003", "Right kidney"),
}
_LESIONS = {
    "cyst": ("367643001", "Cyst"),
    "nodule": ("27925004", "Nodule"),
    "metastasis": ("128462008", "Metastasis"),
    "tumor": ("108369006", "Neoplasm"),
    "tumour": ("108369006", "Neoplasm"),
    "cancer": ("108369006", "Neoplasm"),
}
_LESION = ("52988006", "Lesion")
_MAX_MEANING = 64


@dataclass(frozen=True, kw_only=True)
class StructureCodes:
    """What DICOM asks for of each segment.

    Attributes:
        category: Anatomy, or something abnormal in it.
        type: The structure; anatomy in general where its code is not known.
        side: Left or right, unless `type` says it.
    """

    category: Code
    type: Code
    side: Code | None = None


def codes_of(structure: Structure) -> StructureCodes:
    """The codes of a structure: its own, else those that its name stands for."""
    is_lesion = structure.kind is StructureKind.THING
    category = ABNORMALITY if is_lesion else ANATOMY
    if structure.snomed_ct is not None:
        return StructureCodes(
            category=category, type=_sct(structure.snomed_ct, structure.name)
        )
    words, side = _words_and_side(structure.name)
    if is_lesion:
        found = next((_LESIONS[word] for word in words if word in _LESIONS), _LESION)
        return StructureCodes(category=category, type=_sct(*found))
    name = " ".join(words)
    name = _OTHER_WORDS.get(name, name)
    if side is not None and (name, side) in _SIDED_ORGANS:
        type_ = _sct(*_SIDED_ORGANS[name, side])
        return StructureCodes(category=category, type=type_)
    if name in _ORGANS:
        type_ = _sct(*_ORGANS[name])
        return StructureCodes(category=category, type=type_, side=side)
    return StructureCodes(category=category, type=ANATOMY)


def snomed_of(items: Sequence[Dataset]) -> str | None:
    """SNOMED CT concept of a code sequence; None for another scheme or anatomy alone.

    Old files have codes of SNOMED RT ("SRT"); those of organs known here are turned
    into SNOMED CT.
    """
    if not items:
        return None
    value = str(items[0].get("CodeValue", ""))
    scheme = str(items[0].get("CodingSchemeDesignator", ""))
    if scheme == "SCT":
        is_general = value in (ANATOMY.value, ABNORMALITY.value, "")
        return None if is_general else value
    found = Code(value, scheme, "")
    known = (*_ORGANS.values(), *_LESIONS.values(), _LESION)
    return next((sct for sct, name in known if _sct(sct, name) == found), None)


def kind_from(categories: Sequence[Dataset], name: str) -> StructureKind:
    """Kind of a structure by its category, else by its name."""
    if categories:
        item = categories[0]
        category = Code(
            str(item.get("CodeValue", "")),
            str(item.get("CodingSchemeDesignator", "")),
            "",
        )
        if category == ABNORMALITY:
            return StructureKind.THING
        if category in (ANATOMY, Code("123037004", "SCT", "")):
            return StructureKind.STUFF
    return kind_of(name)


def is_lesion(snomed_ct: str | None) -> bool:
    """Whether a code is one of those that lesions are written with."""
    return snomed_ct in {value for value, _ in (*_LESIONS.values(), _LESION)}


def code_item(code: Code) -> Dataset:
    """A code as DICOM writes it."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _sct(value: str, meaning: str) -> Code:
    plain = re.sub(r"[\x00-\x1f\x7f\\]", " ", meaning)
    return Code(value, "SCT", plain[:_MAX_MEANING])


def _words_and_side(name: str) -> tuple[list[str], Code | None]:
    """Words of a name without its side, and the side where there is just one."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W_]+", apart.lower())
    sides = {_SIDES[word] for word in words if word in _SIDES}
    rest = [word for word in words if word not in _SIDES]
    return rest, sides.pop() if len(sides) == 1 else None
