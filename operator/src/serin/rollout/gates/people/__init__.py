"""Gates of people: does somebody want the rollout to stay where it is?"""
