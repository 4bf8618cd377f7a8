"""The nouns: small frozen values that know NumPy and nothing else."""
