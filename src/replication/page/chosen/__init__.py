"""The study under other choices than the book's, or another study: run, marked, compared."""
