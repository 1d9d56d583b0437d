"""Smaller public lists that name ministry universities."""
