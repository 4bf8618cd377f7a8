"""Parts that several panels have: boxes, folds, messages, work in the background."""
