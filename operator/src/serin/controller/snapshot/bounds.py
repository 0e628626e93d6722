"""How much of a ModelDeployment is looked at."""

from __future__ import annotations

from serin.cluster.client import Object
from serin.rollout.spec.rules import COMPONENTS, DEEPEST
from serin.schema.nesting import cut, nested_deeper


def bounded(obj: Object) -> Object:
    """The ModelDeployment; of a component that no rule accepts for its depth only so much that the rule sees it.

    What works on it works with recursion.
    """
    deep = [name for name in COMPONENTS if nested_deeper(obj["spec"].get(name), DEEPEST)]
    if not deep:
        return obj
    # The managed fields are nested as deeply. An update without them leaves them as they are.
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    spec = {**obj["spec"], **{name: cut(obj["spec"][name], DEEPEST + 1) for name in deep}}
    return {**obj, "metadata": metadata, "spec": spec}
