"""The Structures panel."""
