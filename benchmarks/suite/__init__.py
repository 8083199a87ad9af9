"""Accuracy with few labels on five corpora: lmao, its classifiers, and what else runs offline, on the same draws."""
