"""The study under other choices, another study, or on the reader's records: run and marked."""
