"""The texts of an experiment: sources of documents, and their splits."""
