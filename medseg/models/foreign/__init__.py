"""Models of other tools, turned into ordinary model folders and back."""
