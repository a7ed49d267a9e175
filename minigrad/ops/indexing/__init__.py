"""Reading and writing at places: indices, masks, gather and scatter."""
