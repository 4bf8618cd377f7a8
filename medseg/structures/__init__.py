"""What is where in a label map: sizes, places and surfaces of its structures."""
