"""What texts become: tokens, token types, memory-mapped arrays, batches."""
