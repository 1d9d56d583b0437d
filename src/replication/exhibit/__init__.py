"""Tables and figures, and publishing them."""
