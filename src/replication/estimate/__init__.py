"""One estimate and its inference."""
