"""NRRD, MHA and MHD files."""
