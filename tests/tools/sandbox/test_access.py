from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from e2e.sandbox import kubeconfig, namespace, pki
from e2e.sandbox.errors import NamespaceError
from e2e.sandbox.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


def test_keys_and_tokens_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    keys = pki.create(Layout(tmp_path))
    for path in (tmp_path / "pki").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path.name
    authority = x509.load_pem_x509_certificate(keys.ca.read_bytes())
    served = x509.load_pem_x509_certificate(keys.certificate.read_bytes())
    served.verify_directly_issued_by(authority)
    names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == list(pki.ADDRESSES)
    assert keys.admin_token in keys.tokens.read_text()


def test_every_sandbox_has_another_token(tmp_path: Path) -> None:
    tokens = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        tokens.add(pki.create(Layout(tmp_path / name)).admin_token)
    assert len(tokens) == 2


def test_a_kubeconfig_holds_what_a_client_needs_and_is_private(tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("authority")
    path = tmp_path / "deep" / "kubeconfig"
    kubeconfig.write(path, server="https://127.0.0.1:1", ca=ca, user="serin", token="secret", namespace="n")
    assert path.stat().st_mode & 0o777 == 0o600
    content = json.loads(path.read_text())
    cluster = content["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"authority"
    assert content["contexts"][0]["context"]["namespace"] == "n"
    assert kubeconfig.admin_token(path) == "secret"


def test_a_refused_namespace_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = "unshare: unshare failed: Operation not permitted\n"
    monkeypatch.setattr(namespace, "SETTINGS", ())
    assert "seccomp" in namespace.explain_refusal(log)
    setting = tmp_path / "restrict"
    setting.write_text("1\n")
    monkeypatch.setattr(namespace, "SETTINGS", ((str(setting), "1", "AppArmor forbids it: sysctl"),))
    text = namespace.explain_refusal(log)
    assert "Operation not permitted" in text
    assert "AppArmor" in text
    assert "seccomp" not in text


def test_a_missing_command_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_command: str, path: str) -> None:
        assert path

    monkeypatch.setattr("shutil.which", nothing)
    with pytest.raises(NamespaceError, match=r"unshare.*util-linux"):
        namespace.check_tools()


def test_parts_get_a_small_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("SECRET", "x")
    assert set(namespace.environment(HOME="/h")) == {"PATH", "LANG", "HOME"}
