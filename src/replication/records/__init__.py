"""What is read, whatever it comes from, and the checks of it."""
