"""Results -> figures for a journal, as matplotlib figures, SVG and PDF."""
