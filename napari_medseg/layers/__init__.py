"""Nouns of medseg as napari layers and back, and what is drawn or edited in them."""
