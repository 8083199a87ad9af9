"""Where runs are recorded, and what a run needs of the sweep that it may belong to."""
