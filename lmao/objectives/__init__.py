"""What pre-training predicts, and how far off it is."""
