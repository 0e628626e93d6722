"""The file of receivers: what is wrong is said with its place, and nothing secret is quoted."""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.controller.settings import SettingsError, from_environment
from serin.errors import InvalidInput
from serin.notify.delivery import outbox_of
from serin.notify.receivers.settings import settings_from
from serin.schema.notification_kinds import DEFAULT_KINDS, NotificationKind
from tests.clock import START

WHOLE = """
cluster: eu
links: {dashboard: "https://graphs/?ns=$namespace", runbooks: "https://pages/runbooks"}
templates: {RolledBack: "$title\\n$safe", default: "$title"}
receivers:
- name: pager
  alertmanager: {url: "http://alertmanager:9093"}
  about: [NeedsPersonNow, Resumed]
  namespaces: [prod]
- name: pipeline
  cloudEvents: {url: "https://events.example/in", bearerTokenFile: /var/run/secrets/events/token}
- name: chat
  apprise: {urlFile: /var/run/secrets/chat/url, schemas: [slack]}
"""


def test_a_whole_file() -> None:
    found = settings_from(WHOLE, "file")
    assert [receiver.kind for receiver in found.receivers] == ["alertmanager", "cloudEvents", "apprise"]
    assert found.receivers[1].about == DEFAULT_KINDS
    outbox = outbox_of(found, lambda: START, lambda: True)
    wanted = outbox.notifying(("prod", "fraud")).wanted("prod", None)
    assert wanted["pager"] == {NotificationKind.NEEDS_PERSON_NOW, NotificationKind.RESUMED}
    assert outbox.notifying(("dev", "fraud")).wanted("dev", None).keys() == {"pipeline", "chat"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("receivers: [{name: a}]", "give exactly one of alertmanager, cloudEvents and apprise"),
        ("receivers: [{name: A, alertmanager: {url: 'http://a'}}]", "name"),
        ("receivers: [{name: a, alertmanager: {}}]", "give url or urlFile, not both"),
        ("receivers: [{name: a, alertmanager: {urlFile: /x}}]", "hosts goes with urlFile"),
        ("receivers: [{name: a, alertmanager: {url: 'http://u:hush@a'}}]", "without credentials"),
        (
            "receivers: [{name: a, cloudEvents: {url: 'http://a', bearerTokenFile: /x}}]",
            "credentials over http can be read on the way",
        ),
        ("receivers: [{name: a, apprise: {urlFile: /x}}]", "schemas"),
        (
            "receivers: [{name: a, alertmanager: {url: 'http://a'}}, {name: a, alertmanager: {url: 'http://b'}}]",
            "a is there twice",
        ),
        ("receivers: [{name: a, alertmanager: {url: 'http://a'}, about: [Everything]}]", "about"),
        ("templates: {default: '$nothing'}", "templates.default: $nothing does not exist; there are"),
        ("templates: {default: '5 $'}", "a $ that begins no name"),
        ("templates: {Other: 'x'}", "Other is no kind of notification"),
        ("links: {dashboard: 'https://x/$safe'}", "links.dashboard: $safe does not exist"),
        ("links: {dashboard: 'javascript:x'}", "links"),
        ("more: 1", "more"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings_from(text, "/etc/file")
    assert str(caught.value).startswith("/etc/file: ")
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_operator_reads_it_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    file = tmp_path / "notifications.yaml"
    env = {"SERIN_PROMETHEUS_URLS": "http://p", "SERIN_NOTIFICATIONS_CONFIG": str(file)}
    with pytest.raises(SettingsError, match=rf"^SERIN_NOTIFICATIONS_CONFIG: {file}: No such file"):
        from_environment(env)
    file.write_text("receivers: 5")
    with pytest.raises(SettingsError, match=r"^SERIN_NOTIFICATIONS_CONFIG: .*receivers"):
        from_environment(env)
    file.write_text(WHOLE)
    assert len(from_environment(env).notifications.receivers) == 3, "a Secret that is not there yet ends no process"
    assert from_environment({"SERIN_PROMETHEUS_URLS": "http://p"}).notifications.receivers == ()
