"""The study with a known truth."""
