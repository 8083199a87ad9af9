-- Optuna's and MLflow's tables clash in one database.
CREATE DATABASE optuna;
CREATE DATABASE mlflow;
