"""Labels out of the viewer."""
