"""The schema: what each key of conf/ may hold. The defaults, with their reasons, live in conf/ alone."""
