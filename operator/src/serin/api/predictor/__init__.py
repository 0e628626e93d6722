"""Parts of KServe's predictor that mean something to Serin."""
