"""Arithmetic that knows no text: flat parameters, kernels, layers, Adam, threads."""
