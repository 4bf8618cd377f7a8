"""The napari plugin of MedSeg: a folder for each panel, and what they share."""
