"""DICOM's codes of modalities: what may be repeated of that text.

Anything may stand in a header in the place of a code, a patient's name too. What is
none of these codes goes no further.
"""

_MODALITIES = frozenset(
    {
        *("CT", "MR", "PT", "NM", "US", "XA", "RF", "DX", "CR", "MG", "PX", "IO", "BI"),
        *("BMD", "DG", "OT", "SC", "SM", "XC", "ES", "GM", "OP", "OPT", "OCT", "IVUS"),
        *("SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "RTIMAGE", "RTRECORD", "SR", "PR"),
        *("KO", "REG", "FID", "RWV", "DOC", "PLAN", "ECG", "SMR", "STAIN"),
    }
)


def known_modality(text: str) -> str:
    """A code of a modality; empty for any other text."""
    return text if text in _MODALITIES else ""
