"""DICOM-SEG: label maps and lesions to segments, and back."""
