"""Speed and memory, measured: against stock spaCy's own pre-training, by model and corpus size, and of a whole run."""
