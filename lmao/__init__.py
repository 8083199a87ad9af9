"""Language Modelling with Approximate Outputs: an experiment framework."""

__version__ = "0.1.0"
