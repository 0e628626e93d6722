"""Gates of people: hold while a person, or an unusable spec, stops the rollout."""
