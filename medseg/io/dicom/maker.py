"""What MedSeg says of itself in the DICOM objects that it writes."""

from medseg.core.provenance import Provenance

MANUFACTURER = "MedSeg"
SERIES_DESCRIPTION = f"{MANUFACTURER} segmentation"
CONTENT_LABEL = "SEGMENTATION"
DISCLAIMER = Provenance.disclaimer
CHARACTER_SET = "ISO_IR 192"  # UTF-8

SEG_SERIES_NUMBER = 9000
RTSTRUCT_SERIES_NUMBER = 9001
