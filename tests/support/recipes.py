"""Recipes beside the default one, of the size of debug=tiny."""

WORDS = ("+recipe=words", "vectors=floret_tiny")  # from masked words their vectors; objective=… chooses another loss
WILD = [*WORDS, "objective=l2", "pretrain.grad_clip=0", "pretrain.warmup_steps=0"]  # diverges at a high rate
