"""Many studies of which the truth is known: bias, coverage, size, power."""
