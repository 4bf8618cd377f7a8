"""Scans and label maps into the viewer."""
