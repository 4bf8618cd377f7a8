"""Processes of this machine that do the work, of which any may fail."""
