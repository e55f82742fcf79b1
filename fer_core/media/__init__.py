"""Videos and pictures: opening, probing, decoding, and drawing on them."""
