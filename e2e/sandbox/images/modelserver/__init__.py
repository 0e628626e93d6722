"""The image model-server: KServe's own ModelServer around a scikit-learn model, with faults on demand."""
