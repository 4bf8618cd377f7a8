"""The Lesions panel."""
