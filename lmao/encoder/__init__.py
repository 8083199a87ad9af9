"""The encoder: hash embeddings and static vectors, convolutions; and its twin made of stock spaCy parts."""
