"""`python train.py --multirun`: hydra-optuna-sweeper, with studies that are resumed to a total, shared and pruned."""
