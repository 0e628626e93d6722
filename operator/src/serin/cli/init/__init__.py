"""``serin init``: the first objects of a model, from an InferenceService that runs, or from answers."""
