"""The incident bundle: each number is the record's, nothing that may not be told is in it, and it is always small."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.errors import InvalidInput
from serin.records import parts
from serin.records.chain import sealed
from serin.records.parts import Surplus
from serin.report.facts.bundle import MOST_BYTES, Bundle
from serin.report.facts.case import case_of, newest
from serin.report.facts.gathering import bundle_of, encoded
from serin.report.form.markdown import markdown
from serin.report.form.page import page
from serin.report.incident.report import incident as reported
from serin.schema.types import format_time
from tests.chain import chain, resealed
from tests.clock import START, api_time
from tests.fuzz import changed, fuzzed
from tests.incidents import APPROVED, GATE, Objects, incident, items
from tools.cliref import report_schema

SECRETS = (
    "hunter2hunter2",
    "sk-proj-abcdefghijklmnopqrstuvwx",
    "4111 1111 1111 1111",
    "maria@example.com",
    "ES91 2100 0418 4502 0005 1332",
    "tenant-payload",
)
DIRTY = (
    "password=hunter2hunter2 key sk-proj-abcdefghijklmnopqrstuvwx card 4111 1111 1111 1111 of maria@example.com "
    '(ES91 2100 0418 4502 0005 1332): {"instances": ["tenant-payload"]}'
)
SCRIPT = '<script src="https://evil.example.com/x.js">alert(1)</script>'


def bundle(objects: Objects, name: str | None = None, *, anonymous: bool = False) -> Bundle:
    found = items(objects)
    return bundle_of(case_of(found, name or newest(found) or ""), anonymous=anonymous)


def written(found: Bundle) -> list[str]:
    """All forms of a report."""
    document = reported(found)
    return [encoded(found).decode(), markdown(document), page(document)]


def last(change: Callable[[dict[str, Any]], None]) -> Objects:
    """The incident with its last record changed, and sealed again."""
    objects = incident()
    change(objects[-1])
    if "hash" in objects[-1].get("status", {}):
        resealed(objects[-1])
    return objects


def test_every_number_is_the_records() -> None:
    objects = incident()
    status, found = objects[-1]["status"], bundle(objects)
    assert (found.course.state, found.course.reason) == ("RolledBack", "SLOBreached")
    assert {r.slo: (r.requests, r.bad) for r in found.impact.requests} == {
        slo: (status["requests"][slo], status["badRequests"][slo]) for slo in ("availability", "latency")
    }
    assert found.impact.excess_bad == status["cost"]["excessBadRequests"]
    assert found.impact.detection_seconds == 591.0
    assert [(e.weight, e.seconds) for e in found.impact.exposure] == [(5, 360.0), (25, 231.0)]
    assert format_time(found.slos[0].breached_at or START) == status["firstBreachAt"]
    assert found.slos[0].message == status["message"]
    assert (found.slos[0].candidate_bad, found.slos[0].candidate_total) == (55, 3732)
    assert found.replay is not None
    assert found.replay.answer == "Agree"
    curve = found.curves[0]
    assert (sum(curve.candidate_total), sum(curve.candidate_bad)) == (3732, 55)
    assert curve.evidence["e1"][-1] == max(e.log10 or 0 for e in found.slos[0].evidence)
    assert found.record.hash_holds is True
    assert (found.oddities, found.omitted, found.record.findings) == ([], [], [])


def test_what_changed_is_found_in_earlier_records() -> None:
    found = bundle(incident()).changes
    assert [(c.field, c.before, c.after) for c in found.revision if "digest" not in c.field] == [
        ("model.uri", "s3://models/fraud/41", "s3://models/fraud/42"),
        ("model.version", "41", "42"),
        ("predictor.model.runtimeVersion", None, "1.5.0"),
    ]
    assert [c.field for c in found.policy_fields] == ["steps"]
    assert found.record_before is not None
    alone = bundle(incident()[-1:])
    assert (alone.changes.revision, alone.changes.stable_known, alone.changes.policy_before) == ([], False, None)
    assert "What stable serves" in [m.what for m in alone.missing]


def test_it_is_as_its_schema_says_and_the_same_each_time() -> None:
    objects = incident()
    raw = encoded(bundle(objects))
    jsonschema.validate(json.loads(raw), report_schema(Bundle))
    assert raw == encoded(bundle(copy.deepcopy(objects)))
    assert [text for text in written(bundle(objects)) if text not in written(bundle(incident()))] == []


def _dirty(record: dict[str, Any]) -> None:
    """Secrets and payloads wherever a record has free text."""
    spec, status = record["spec"], record["status"]
    spec["candidate"]["model"]["uri"] = "https://ana:hunter2hunter2@host/m?sig=hunter2hunter2"
    spec["candidate"]["predictor"]["model"] |= {
        "env": [{"name": "HF_TOKEN", "value": "hunter2hunter2"}],
        "args": ["--api-key=hunter2hunter2"],
        "storage": {"parameters": {"secret": "hunter2hunter2"}},
    }
    spec["candidate"]["predictor"] |= {"annotations": {"note": DIRTY}}
    spec["requestedBy"]["fieldManager"] = "token=hunter2hunter2"
    status["message"] = DIRTY
    status["timeline"][1]["message"] = DIRTY
    status["holds"][0]["message"] = DIRTY
    status["gates"] = [GATE | {"message": DIRTY[:200], "result": DIRTY}]
    status["actions"] = [APPROVED | {"reason": DIRTY, "message": DIRTY, "ticket": "token=hunter2hunter2"}]
    status["incomplete"] = DIRTY
    status["served"]["candidate"]["image"] = "https://u:hunter2hunter2@registry/x"


def test_no_secret_and_no_payload_comes_through() -> None:
    objects = last(_dirty)
    raw = json.dumps(objects)
    assert all(secret in raw for secret in SECRETS)
    found = bundle(objects)
    for text in written(found):
        assert [secret for secret in SECRETS if secret in text] == []
    assert found.redaction.masked > 5
    assert (
        f"{found.redaction.masked} of {found.redaction.texts} texts had something that was hidden." in written(found)[1]
    )


def test_of_the_environment_only_names_are_told() -> None:
    found = bundle(last(_dirty))
    named = {change.field: (change.before, change.after, change.told) for change in found.changes.revision}
    assert named["predictor.model.env[HF_TOKEN].value"] == (None, None, False)
    assert named["predictor.model.args"] == (None, None, False)


def test_without_people_no_name_of_one_is_in_any_form() -> None:
    for text in written(bundle(incident(), anonymous=True)):
        assert "ana@example.com" not in text
        assert "luis" not in text
        assert "person-1" in text
        assert "person-2" in text


def _script(record: dict[str, Any]) -> None:
    status = record["status"]
    status["message"] = status["timeline"][0]["message"] = status["holds"][0]["message"] = SCRIPT
    status["actions"] = [APPROVED | {"by": SCRIPT, "reason": SCRIPT, "ticket": "[x](https://evil.example.com)"}]
    record["spec"]["candidate"]["version"] = "<img src=x onerror=alert(1)>"
    record["spec"]["candidate"]["model"]["uri"] = "javascript:alert(1)"


def test_a_text_that_looks_like_html_stays_a_text() -> None:
    _, lines, html = written(bundle(last(_script)))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script" in html
    assert "<script" not in lines.replace("\\<", "")
    assert "](" not in lines.replace("\\]", "")


# --- records that are not as they should be ---------------------------------------------------------------------------


def test_a_record_that_is_not_there_or_is_a_part() -> None:
    found = items(chain())
    with pytest.raises(InvalidInput, match="there is no PromotionRecord nix"):
        case_of(found, "nix")
    part = next(item for item in found if item.spec.get("continues"))
    with pytest.raises(InvalidInput, match="is a part of the record fraud"):
        case_of(found, part.name)


def test_a_record_in_several_objects_is_read_as_one() -> None:
    objects = chain()
    name = objects[2]["metadata"]["name"]
    whole = bundle(objects, name)
    assert (whole.record.parts, whole.record.parts_here, whole.record.findings) == (3, 3, [])
    assert whole.slos[0].windows == 8, "up to the breach"
    assert whole.replay is not None
    assert whole.replay.answer == "Agree"
    lacking = bundle(objects[:3], name)
    assert lacking.record.parts_here == 1
    assert any("2 parts are not there" in finding or "parts 2 are" in finding for finding in lacking.record.findings)
    assert "2 of the 3 objects of the record are not here" in [m.what for m in lacking.missing]


def test_a_rollout_under_way() -> None:
    objects = incident()
    objects[-1]["status"] = {
        key: value
        for key, value in objects[-1]["status"].items()
        if key in {"timeline", "blocks", "holds", "exposedAt"}
    }
    objects[-1]["status"]["timeline"].pop()
    found = bundle(objects)
    assert (found.course.state, found.record.finished, found.record.hash_holds) == ("UnderWay", False, None)
    assert "The rollout is not over" in [m.what for m in found.missing]
    text = markdown(reported(found))
    assert text.startswith("# Version 42 of prod/fraud is on trial")
    assert "**Look at this:** The record is not finished" in text


def test_a_record_that_was_changed_is_told_at_the_top() -> None:
    objects = incident()
    objects[-1]["status"]["badRequests"]["availability"] = 1
    found = bundle(objects)
    assert found.record.hash_holds is False
    text = markdown(reported(found))
    assert "does not have the hash that it states" in text.split("## Impact", maxsplit=1)[0]


def test_an_outcome_that_does_not_follow_from_the_windows_is_told_at_the_top() -> None:
    found = bundle(last(lambda record: record["status"].update(outcome="Promoted", reason="Serving")))
    assert found.replay is not None
    assert found.replay.answer == "Disagree"
    assert "The record and its evidence do not agree" in markdown(reported(found)).split("## Impact", maxsplit=1)[0]


def _without_blocks(record: dict[str, Any]) -> None:
    record["status"]["blocks"] = []


def _first(record: dict[str, Any]) -> None:
    record["spec"].pop("policy")
    record["spec"].pop("stable")


def _other_words(record: dict[str, Any]) -> None:
    record["status"] |= {"outcome": "Melted", "reason": "TooHot", "newField": {"x": 1}}
    record["status"]["timeline"][0]["reason"] = "WarmingUp"
    record["status"]["holds"][0]["reason"] = "Simmering"
    record["spec"]["judgeVersion"] = record["status"]["judgeVersion"] = "99"


def _other_policy(record: dict[str, Any]) -> None:
    record["spec"]["policy"]["spec"]["slos"][0]["indicator"] = {"telepathy": {}}


def _empty(record: dict[str, Any]) -> None:
    record["status"] = {}


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (_without_blocks, "Windows of the candidate"),
        (_first, "The evidence, judged again: a first deployment is not judged"),
        (_other_words, None),
        (_other_policy, "The policy: this version of Serin cannot read it"),
        (_empty, "The rollout is not over"),
    ],
)
def test_a_report_is_made_of_what_there_is(change: Callable[[dict[str, Any]], None], missing: str | None) -> None:
    found = bundle(last(change))
    for text in written(found):
        assert text
    assert missing is None or any(m.what.startswith(missing) for m in found.missing), found.missing


def test_words_of_another_version_are_told_as_they_are() -> None:
    found = bundle(last(_other_words))
    assert (found.course.state, found.course.reason, found.course.meaning) == ("Melted", "TooHot", "")
    assert found.replay is not None
    assert "decided by judge 99" in found.replay.note
    assert "ended as Melted" in markdown(reported(found))


def test_times_without_a_zone_are_refused_in_one_line() -> None:
    with pytest.raises(InvalidInput, match=r"status\.decidedAt: .* is not a time with a zone"):
        bundle(last(lambda record: record["status"].update(decidedAt="2026-11-18T10:11:51")))


def _gauge(record: dict[str, Any]) -> None:
    gauge = {"query": 'drift{version="$(version)"}', "max": "0.2"}
    record["spec"]["policy"]["spec"]["slos"][1] = {
        "name": "drift",
        "severity": "Required",
        "indicator": {"gauge": gauge},
    }
    record["status"]["blocks"] = [b for b in record["status"]["blocks"] if b["slo"] == "availability"]


def test_queries_are_those_that_serin_asks() -> None:
    found = bundle(last(_gauge))
    texts = {(q.of, q.text) for q in found.queries}
    stable, candidate = (
        f"prod_{each.workload.partition('/')[2]}-predictor_80" for each in (found.stable, found.candidate) if each
    )
    arms = "|".join(sorted((stable, candidate)))
    assert ("availability", f'{{__name__=~"envoy_cluster_upstream_rq_xx",envoy_cluster_name=~"{arms}"}}') in texts
    assert ("drift", 'drift{version="42"}') in texts
    assert ("gate budget", 'slo:budget{model="fraud"}') in texts


# --- any record ------------------------------------------------------------------------------------------------------


def largest() -> Objects:
    """A record in which every list is full and every text is as long as it may be, in characters of four bytes."""
    objects = incident()
    record, long = objects[-1], "\N{SNOWMAN}\N{GRINNING FACE}" * 2000
    entry = {"weight": 5, "reason": "StepTime", "message": long[:4000]}
    hold = {"reason": "Held", "message": long[:500], "times": 3}
    record["status"] |= {
        "message": long[:4000],
        "timeline": [entry | {"at": api_time(n)} for n in range(200)],
        "holds": [hold | {"since": api_time(n), "until": api_time(n + 1)} for n in range(200)],
        "actions": [APPROVED | {"uid": f"u{n}", "reason": long[:500], "by": long[:500]} for n in range(20)],
        "gates": [GATE | {"name": f"g{n}", "message": long[:500], "by": long[:1000]} for n in range(64)],
    }
    slo = record["spec"]["policy"]["spec"]["slos"][0]
    record["spec"]["policy"]["spec"]["slos"] = [
        slo | {"name": f"a{n}", "runbook": f"https://example.com/{'x' * 480}"} for n in range(32)
    ]
    blocks = [b for b in record["status"]["blocks"] if b["slo"] == "availability"]
    record["status"]["blocks"] = [b | {"slo": f"a{n}"} for n in range(32) for b in blocks]
    record["status"]["requests"] = {f"a{n}": 2**60 for n in range(32)}
    return objects


def test_the_largest_record_makes_a_small_bundle_that_says_what_was_left_out() -> None:
    found = bundle(largest())
    assert len(encoded(found)) <= MOST_BYTES
    assert any("moments of the timeline" in each for each in found.omitted)
    assert len(found.slos) == 32
    assert found.course.state == "RolledBack"


def test_a_rollout_of_a_day_is_told_in_few_points() -> None:
    objects = incident(count=80)
    opened = {**objects[-1], "status": {k: v for k, v in objects[-1]["status"].items() if k != "hash"}}
    part = parts.new_part(opened, 2, None)
    long = [b for b in opened["status"]["blocks"] if b["slo"] == "latency"]
    status, _ = parts.added(part, Surplus())
    objects[-1] = {**opened, "status": sealed(opened, opened["status"] | {"parts": 2, "lastPartHash": None})}
    objects.append({**part, "status": parts.closed(part, status, START)})
    assert long
    assert all(len(curve.seconds) <= 1200 for curve in bundle(objects).curves)


@fuzzed(60)
@given(st.data())
def test_whatever_stands_in_a_record_the_report_is_made_or_refused_in_one_line(data: st.DataObject) -> None:
    objects = INCIDENT[:]
    objects[-1] = data.draw(st.composite(lambda draw: changed(INCIDENT[-1], draw))())
    try:
        found = bundle(objects, INCIDENT[-1]["metadata"]["name"])
    except (InvalidInput, AssertionError):  # an object that is no record is left out by whoever reads it
        return
    for text in written(found):
        assert "\x1b" not in text
    assert len(encoded(found)) <= MOST_BYTES


INCIDENT = incident()


def test_whom_to_ask_is_told_and_not_to_strangers() -> None:
    objects = incident()
    assert "Whom to ask about the model: no contact is set" in markdown(reported(bundle(objects)))
    for each in objects:
        each["metadata"].setdefault("annotations", {})["serin.dev/contact"] = "ana of team fraud"
    found = bundle(objects)
    assert found.requester.contact == "ana of team fraud"
    assert "Whom to ask about the model: ana of team fraud." in markdown(reported(found))
    assert "ana of team fraud" not in encoded(bundle(objects, anonymous=True)).decode()
