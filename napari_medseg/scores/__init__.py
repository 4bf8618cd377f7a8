"""The Scores panel."""
