"""An artefact that has to prove itself elsewhere first: a table, and what the schema refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from serin.policy_gates.answer import Asked, GateState, Unknown
from serin.policy_gates.upstream import LOOK_AGAIN, NotSo, Proven, StableThere, Upstream
from serin.schema.reasons import Reason
from tests.clock import START

HOUR = timedelta(hours=1)
THERE: dict[str, Any] = {"namespace": "staging", "name": "fraud"}
PUBLIC = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
FILE: dict[str, Any] = {"configMap": "serin-attestations", "key": "fraud.json", "publicKey": PUBLIC}


def stable(since: timedelta) -> StableThere:
    return StableThere(START + since, "version 42 has been stable in staging/fraud (digest sha256:9f…)")


def proven(at: timedelta) -> Proven:
    return Proven(START + at, "attested by PromotionRecord staging/fraud-1")


def asked(fact: Any, *, after: timedelta = timedelta(0), met: timedelta | None = None) -> Asked:
    return Asked(now=START + after, since=START, fact=fact, met_since=None if met is None else START + met)


ANSWERS = [
    (THERE, asked(None), False, "ModelDeployment staging/fraud is being read"),
    (THERE, asked(stable(-HOUR)), True, "stable in staging/fraud (digest sha256:9f…) since 2026-11-18T09:00:00Z"),
    (THERE | {"soak": "2h"}, asked(stable(-HOUR)), False, "since 2026-11-18T09:00:00Z; soak 2h, until 2026-11-18T11:0"),
    (THERE | {"soak": "1h"}, asked(stable(-HOUR)), True, "(soak 1h)"),
    (THERE | {"soak": "1h"}, asked(stable(HOUR)), False, "until 2026-11-18T12:00:00Z"),
    (THERE, asked(NotSo("stable version 41 is another artefact")), False, "another artefact"),
    (THERE, asked(Unknown("503")), False, "cannot be read: 503; what is unknown opens nothing"),
    ({"attestation": FILE}, asked(None), False, "key fraud.json of ConfigMap serin-attestations is being read"),
    ({"attestation": FILE}, asked(proven(-HOUR)), True, "attested by PromotionRecord"),
    ({"attestation": FILE | {"maxAge": "30m"}}, asked(proven(-HOUR)), False, "older than 30m"),
    ({"attestation": FILE | {"maxAge": "1h"}}, asked(proven(-HOUR)), True, "attested by"),
    # What was young enough when the rollout began with it does not hold it up half way.
    ({"attestation": FILE | {"maxAge": "1h"}}, asked(proven(-HOUR), after=9 * HOUR, met=timedelta(0)), True, "attest"),
    ({"attestation": FILE}, asked(NotSo("no signature is of this key")), False, "no signature"),
]


@pytest.mark.parametrize(("fields", "question", "is_open", "words"), ANSWERS)
def test_what_it_answers(fields: dict[str, Any], question: Asked, words: str, *, is_open: bool) -> None:
    answer = Upstream.model_validate(fields).answer(question)
    assert answer.is_open is is_open
    assert words in answer.message
    if not is_open:
        assert (answer.state, answer.reason) == (GateState.WAITING, Reason.WAITING_FOR_UPSTREAM)
        assert not answer.stalled
        assert answer.look_at == question.now + LOOK_AGAIN
        assert answer.until is not None, "nothing waits for ever in silence"


@pytest.mark.parametrize("fact", [None, Unknown("503"), NotSo("nothing is stable yet")])
def test_after_its_timeout_a_person_is_asked(fact: Any) -> None:
    gate = Upstream.model_validate(THERE | {"soak": "2h", "timeout": "1h"})
    assert not gate.answer(asked(fact, after=HOUR / 2)).stalled
    late = gate.answer(asked(fact, after=HOUR))
    assert late.stalled
    assert "longer than its timeout" in late.message
    soaking = gate.answer(asked(stable(timedelta(0)), after=1.5 * HOUR))
    assert not soaking.stalled, "what is on its way needs nobody"
    assert soaking.until == START + 2 * HOUR


@pytest.mark.parametrize("fact", [Unknown("403", needs_person=True), NotSo("a circle", needs_person=True)])
def test_what_only_a_person_can_mend_is_told_at_once(fact: Any) -> None:
    answer = Upstream.model_validate(THERE).answer(asked(fact))
    assert (answer.stalled, answer.until, answer.is_open) == (True, None, False)


def test_it_looks_again_when_the_soak_is_over() -> None:
    answer = Upstream.model_validate(THERE | {"soak": "1h"}).answer(asked(stable(timedelta(seconds=5) - HOUR)))
    assert answer.look_at == START + timedelta(seconds=5)


@pytest.mark.parametrize("fact", [None, Unknown("503")])
def test_what_is_unknown_does_not_end_the_time_since_when_it_holds(fact: Any) -> None:
    answer = Upstream.model_validate(THERE).answer(asked(fact, met=-HOUR))
    assert answer.met_since == START - HOUR
    assert Upstream.model_validate(THERE).answer(asked(NotSo("left"), met=-HOUR)).met_since is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"namespace": "staging"},
        {"name": "fraud"},
        {"attestation": FILE, "soak": "1h"},
        {"attestation": FILE, "name": "fraud"},
        {"attestation": FILE | {"secret": "other"}},
        {"attestation": {"key": "a", "publicKey": PUBLIC}},
        {"attestation": FILE | {"publicKey": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}},
        {"attestation": FILE | {"key": "../x"}},
        THERE | {"namespace": "not/a/namespace"},
        THERE | {"soak": "soon"},
    ],
)
def test_what_the_schema_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Upstream.model_validate(fields)
