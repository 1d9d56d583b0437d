"""The same design for many outcomes, permutations or bootstrap samples at once."""
