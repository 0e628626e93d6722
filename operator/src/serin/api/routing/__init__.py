"""``spec.route``: how clients reach a model. What it may ask a gateway for is a part of the Gateway API."""
