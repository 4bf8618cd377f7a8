"""Datasets for training, in decathlon and nnU-Net raw layout."""
