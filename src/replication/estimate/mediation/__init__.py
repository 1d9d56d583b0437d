"""Mediators: decompositions and what they can account for."""
