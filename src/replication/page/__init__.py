"""Chapters, the book, and the text that is printed from data."""
