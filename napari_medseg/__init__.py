"""The napari plugin of MedSeg: readers, a writer, sample data and two panels."""
