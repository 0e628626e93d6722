"""The admission policy and the operator know a secret in plain text by the same words."""

from __future__ import annotations

import re

import yaml

from e2e.deploy.rights import ADMISSION
from serin.rollout.spec.literal_secrets import SECTIONS
from serin.schema.secret_names import CREDENTIAL_IN_URI, HARMLESS_NAME, HARMLESS_VALUE, SENSITIVE_NAME

POLICY = yaml.safe_load((ADMISSION / "modeldeployments.yaml").read_text("utf-8"))
VARIABLES = {variable["name"]: variable["expression"] for variable in POLICY["variables"]}


def literals(expression: str) -> list[str]:
    """The raw strings of CEL in an expression, in order."""
    return re.findall(r"\br'([^']*)'", expression)


def test_the_expressions_are_those_of_the_operator() -> None:
    assert literals(VARIABLES["secretNames"]) == [SENSITIVE_NAME, HARMLESS_NAME, HARMLESS_VALUE]
    rules = [found for rule in POLICY["validations"] for found in literals(rule["expression"])]
    assert rules == [CREDENTIAL_IN_URI, CREDENTIAL_IN_URI], "in env and arguments, and in URIs"
    others = [found for name, text in VARIABLES.items() if name != "secretNames" for found in literals(text)]
    assert others == []


def test_the_containers_are_those_of_the_operator() -> None:
    [sections] = re.findall(r"\[('model'[^]]*)\]", VARIABLES["containers"])
    assert sections == ", ".join(f"'{section}'" for section in SECTIONS)
