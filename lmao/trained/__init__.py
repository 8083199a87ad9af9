"""A trained classifier: kept as files and read again, as a pipeline of stock spaCy, and asked what to label next."""
