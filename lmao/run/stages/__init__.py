"""A stage is a line on the screen."""
