"""What else networks are made of: activations, losses, norms, dropout, attention, embeddings."""
