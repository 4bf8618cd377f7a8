"""DICOM series: headers, geometry, pixels, and the slices a result goes back to."""
