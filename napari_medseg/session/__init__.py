"""Sessions: what was open, saved and opened again."""
