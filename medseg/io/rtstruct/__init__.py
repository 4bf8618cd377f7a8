"""RTSTRUCT: label maps to contours, and back."""
