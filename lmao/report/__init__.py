"""`python -m lmao.report`: studies in Optuna's database come in; runs.csv, table.md and plots go out."""
