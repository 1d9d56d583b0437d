"""What is studied and what was chosen: ``study.toml`` and ``choices.toml``, one format."""
