"""The commands that people are told to type: each says its namespace, which need not be the reader's default one."""

from __future__ import annotations

import re

_STATE = re.compile(r"^[A-Z]{4,}(?: [A-Z]+)*\b")


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


def sentence(text: str) -> str:
    """A text that quotes others with one mark at its end, whatever those end with."""
    text = text.rstrip()
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def beside(phase: str, message: str) -> str:
    """A message beside the phase that it begins with: ``BAKING version 2, 95 % on it: why`` is told as its why."""
    head, colon, why = message.partition(": ")
    state = "".join(_STATE.findall(head)[:1]).replace(" ", "")
    return why if colon and why and state.lower() == phase.lower() and " since " not in head else message
