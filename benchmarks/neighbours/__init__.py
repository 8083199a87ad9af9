"""Nearest rows: the exact search beside libraries' approximate ones."""
