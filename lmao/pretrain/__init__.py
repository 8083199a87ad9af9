"""Pre-training: the loop, its checkpoints, the classifier's updates in between, the language model that is kept."""
