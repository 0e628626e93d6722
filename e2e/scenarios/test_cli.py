"""Every command of ``serin`` during a real rollout and a real rollback, in a terminal and into a pipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from e2e.scenarios.command_line import CommandLine, Ran
from e2e.scenarios.site import MODEL
from serin.cli.shell.layout import columns_of
from tools.cliref import DOCUMENTS

if TYPE_CHECKING:
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
READING = (["list"], ["get", MODEL], ["history", MODEL], ["explain", MODEL])
KINDS = {
    str(fields["kind"].default)
    for fields in (getattr(view, "__dataclass_fields__", {}) for view in DOCUMENTS)
    if "kind" in fields
}
NARROW = 80


def command_line(site: Site) -> CommandLine:
    """The command line of somebody with this cluster's kubeconfig."""
    return CommandLine(site.provider.kubeconfig, site.namespace)


def read_in_every_form(serin: CommandLine) -> None:
    """Every command that reads: 80 columns in a terminal, JSON and YAML for programs."""
    for command in READING:
        shown = serin.terminal(*command, columns=NARROW)
        assert shown.code == 0, shown.out
        assert "\x1b[" in shown.out, "a terminal has colours"
        assert max(map(columns_of, shown.lines)) <= NARROW, shown.out
        piped = serin.piped(*command)
        assert (piped.code, piped.err) == (0, "")
        assert "\x1b" not in piped.out
        document = serin.document(*command)
        assert document["kind"] in KINDS
        assert yaml.safe_load(serin.piped(*command, "-o", "yaml").out)["kind"] == document["kind"]


def said(ran: Ran, word: str) -> None:
    """An action was answered."""
    assert ran.code == 0, ran.out + ran.err
    assert word in ran.lines[-1], ran.out


@pytest.mark.timeout(900)  # some forty programs are started one after the other
def test_every_command_during_a_rollout_and_a_rollback(site: Site) -> None:
    serin = command_line(site)
    site.go_live()
    found = serin.document("get", MODEL)
    assert (found["row"]["phase"], found["stable"]["version"], found["stable"]["weight"]) == ("Stable", "1", 100)
    file = site.folder / "next.yaml"
    file.write_text(yaml.safe_dump(site.model_deployment("2")))
    change = serin.piped("diff", "-f", str(file))
    assert change.code == 1
    assert "25 % for at least 4s" in change.out
    assert serin.piped("lint", str(file)).code == 0

    with site.load():
        site.want("2")
        site.until_weight(25)
        said(serin.piped("hold", MODEL, "--reason", "look first", "--yes"), "Accepted")
        read_in_every_form(serin)
        held = serin.document("get", MODEL)
        assert held["candidate"]["weight"] == 25
        assert held["slos"][0]["candidateTotal"] > 0
        assert "look first" in str(held["held"])
        assert serin.piped("diff", "-f", str(file)).code == 0, "it is on trial already"
        assert serin.piped("abort", MODEL, "--reason", "no", "--dry-run").code == 0
        typed = serin.terminal("release", MODEL, typed="looks well\ny\n")
        said(typed, "Accepted")
        watched = serin.piped("watch", MODEL, "--timeout", "3s")
        assert (watched.code, MODEL in watched.out or "weight=" in watched.out) == (0, True)
        waited = serin.piped("wait", MODEL, "--for", "promoted", "--timeout", "2m", "-o", "json")
        assert (waited.code, json.loads(waited.out)["result"]) == (0, "Promoted")

        site.want("3", environment={"ERROR_RATE": "0.2"})
        site.until_weight(25)
        screen = serin.terminal("watch", MODEL, "--timeout", "2s")
        assert "version 3" in " ".join(screen.lines)
        taken = serin.piped("wait", MODEL, "--for", "promoted", "--timeout", "2m", "-o", "json")
        assert (taken.code, json.loads(taken.out)["result"]) == (1, "RolledBack")
    site.until_outcome("RolledBack")
    after_a_rollback(serin)


def told_afterwards(serin: CommandLine, record: str, exported: str) -> None:
    """The incident bundle and the report: from the cluster and from the export the same."""
    found = json.loads(serin.piped("bundle", f"prec/{record}").out)
    assert (found["course"]["state"], found["replay"]["answer"], found["record"]["hashHolds"]) == (
        "RolledBack",
        "Agree",
        True,
    )
    [counted] = [each for each in found["impact"]["requests"] if each["slo"] == found["impact"]["countedBy"]]
    assert 0 < counted["bad"] < counted["requests"]
    assert found["changes"]["stableKnown"] is True
    assert all("envoy" in each["text"] for each in found["queries"])
    for form in ("markdown", "html", "json"):
        shown = serin.piped("report", f"prec/{record}", "--format", form)
        assert (shown.code, shown.err) == (0, "")
        assert shown.out == serin.piped("report", "-f", "-", f"prec/{record}", "--format", form, given=exported).out
    week = json.loads(serin.piped("report", "--since", "1h", "--format", "json").out)
    assert (week["ended"]["rolledBack"], week["dora"]["changeFailureRatio"] > 0) == (1, True)


def after_a_rollback(serin: CommandLine) -> None:
    """What a person and an auditor ask afterwards."""
    read_in_every_form(serin)
    told = serin.document("explain", MODEL)
    assert (told["outcome"], told["reason"]) == ("RolledBack", "SLOBreached")
    assert any("of them bad" in sentence for sentence in told["sentences"])
    assert [each["outcome"] for each in serin.document("history", MODEL)["items"]][:2] == ["RolledBack", "Promoted"]
    assert serin.piped("retry", MODEL, "--reason", "again", "--dry-run").code == 0
    assert serin.piped("hold", MODEL, "--reason", "x", "--yes").code == 2, "no rollout is under way"

    frozen = serin.piped("freeze", "--reason", "a test", "--until", "1h", "--yes", "-o", "json")
    name = json.loads(frozen.out)["object"]
    assert serin.piped("freeze", "--end", name, "--yes").code == 0
    record = str(told["record"])
    exported = serin.piped("export", f"mdep/{MODEL}")
    assert exported.code == 0
    assert record in exported.out
    told_afterwards(serin, record, exported.out)
    assert serin.piped("verify", f"mdep/{MODEL}").code == 0
    assert serin.piped("attest", f"prec/{record}").code == 0
    assert serin.piped("replay", "-", given=exported.out).code == 0
    assert serin.piped("get", "nix").code == 2
    assert serin.piped("version", "-o", "yaml").code == 0


def advanced_to_the_gate(site: Site, serin: CommandLine) -> None:
    """Past both steps by hand: once at a terminal, once in a script."""
    site.until_weight(25)
    said(serin.terminal("advance", MODEL, "--reason", "it is late", typed="y\n"), "Accepted")
    site.until_weight(50)
    said(serin.piped("advance", MODEL, "--reason", "it is late", "--yes"), "Accepted")
    site.until(lambda _: site.reason == "WaitingForApproval", what="the gate is asked")


@pytest.mark.timeout(600)
def test_what_a_person_says_with_the_command_line_is_done(site: Site) -> None:
    """Advance, reject, retry, approve and promote: by itself each rollout would take hours."""
    serin = command_line(site)
    site.go_live()
    steps = [{"weight": 25, "for": "1h", "timeout": "2h"}, {"weight": 50, "for": "1h", "timeout": "2h"}]
    site.policy(steps=steps, gates=[{"name": "cab", "before": "Promote", "approval": {}}])
    with site.load():
        site.want("2")
        advanced_to_the_gate(site, serin)
        wrong = serin.piped("approve", MODEL, "--gate", "nix", "--reason", "x", "--yes")
        assert (wrong.code, "cab" in wrong.err) == (2, True), wrong.err
        said(serin.piped("reject", MODEL, "--reason", "no ticket", "--yes"), "Accepted")
        refused = serin.document("wait", MODEL, "--for", "settled", "--timeout", "2m")
        assert refused["result"] == "RolledBack", refused
        assert "no ticket" in " ".join(serin.document("explain", MODEL)["sentences"])

        again = serin.document("retry", MODEL, "--reason", "CHG7 is there", "--yes")
        assert (again["kind"], again["outcome"]) == ("ActionResult", "Accepted")
        advanced_to_the_gate(site, serin)
        said(serin.piped("approve", MODEL, "--reason", "CHG7", "--yes"), "Accepted")
        site.until_stable("2", never_back=False)

        site.policy(steps=steps)
        site.want("3")
        site.until_weight(25)
        said(serin.piped("promote", MODEL, "--reason", "seen enough", "--yes"), "Accepted")
        promoted = serin.document("wait", MODEL, "--for", "promoted", "--timeout", "2m")
        assert promoted["result"] == "Promoted"
    site.nobody_else_failed()
    told = [(each["outcome"], each["reason"]) for each in serin.document("history", MODEL)["items"]]
    assert (told[0], len(told)) == (("Promoted", "PromotedByAction"), 4)
    assert "seen enough" in str(site.until_outcome("Promoted")["status"])


@pytest.mark.timeout(600)
def test_a_model_that_init_asked_for_is_served(site: Site) -> None:
    """The answers of somebody at a terminal, linted and applied as they were written."""
    serin = command_line(site)
    made = site.model_deployment("1")["spec"]
    answers = {
        "--name": "answered",
        "--source": made["model"]["uri"],
        "--format": made["predictor"]["model"]["modelFormat"]["name"],
        "--hostname": "answered.example.com",
        "--gateway": f"{made['route']['parentRef']['namespace']}/{made['route']['parentRef']['name']}",
        "--rps": "20",
        "--latency": "250ms",
    }
    written = serin.piped("init", *(word for pair in answers.items() for word in pair))
    assert written.code == 0, written.err
    file = site.folder / "answered.yaml"
    file.write_text(written.out)
    assert serin.piped("lint", "--rps", "20", str(file)).code == 0
    for item in yaml.safe_load_all(written.out):
        site.api.apply(item)
    settled = serin.document("wait", "answered", "--for", "settled", "--timeout", "3m")
    assert settled["result"] == "Promoted", settled
