"""The expression model: network, weights, card, and classification."""
