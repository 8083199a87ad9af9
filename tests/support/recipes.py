"""Recipes beside the default one, of the size of debug=tiny."""

WORDS = ("+recipe=words", "vectors=floret_tiny")  # from masked words their vectors; objective=… chooses another loss
