"""One run: what times, tells and stores."""
