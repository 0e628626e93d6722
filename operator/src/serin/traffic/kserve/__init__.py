"""What every mode of KServe has in common: the predictor, its pods and why they fail."""
