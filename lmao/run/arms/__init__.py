"""What is compared: a module each; every one trains a classifier."""
