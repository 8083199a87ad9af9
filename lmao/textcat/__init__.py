"""Text classifiers: on the encoder, fine-tuned or probed, and linear ones without it."""
