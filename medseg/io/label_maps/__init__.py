"""Label maps, whatever the format: their names, what lies beside them, lesions."""
