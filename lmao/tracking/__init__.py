"""Where runs are recorded, and what a run needs from the sweep that it may belong to."""
