"""The compiled loops by subject; `lmao.engine.kernels` has them all."""
