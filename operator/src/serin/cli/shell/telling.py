"""The commands that people are told to type: each says its namespace, which need not be the reader's default one."""

from __future__ import annotations


def serin(command: str, name: str, namespace: str) -> str:
    """``serin get fraud -n prod``; ``command`` may have options that stand before the name."""
    return f"serin {command} {within(name, namespace)}"


def kubectl(command: str, name: str, namespace: str) -> str:
    """``kubectl get pact NAME -n prod``."""
    return f"kubectl {command} {within(name, namespace)}"


def within(name: str, namespace: str) -> str:
    """A name, and where it is."""
    return f"{name} -n {namespace}"


def judged_again(record: str, namespace: str) -> str:
    """Judges a record's evidence again."""
    return f"{kubectl('get prec', record, namespace)} -o json | serin replay -"
