"""Which keys and certificates does one sandbox trust?  Made afresh for every start, worth nothing elsewhere."""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e2e.sandbox.layout import HOST_IP
from e2e.sandbox.state import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2e.sandbox.layout import Layout

VALID = dt.timedelta(days=30)
DNS_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
ADDRESSES = ("127.0.0.1", "10.96.0.1", HOST_IP)


@dataclass(frozen=True, slots=True)
class Pki:
    """Paths of the files, and the administrator's token."""

    ca: Path
    certificate: Path
    key: Path
    accounts_key: Path
    accounts_public: Path
    tokens: Path
    admin_token: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A serving certificate with its key and the authority that signed it, as PEM."""

    authority: str
    certificate: str
    key: str


def serving(names: Sequence[str]) -> Serving:
    """A certificate for these DNS names, from an authority of its own whose key nobody keeps."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("serin-sandbox-ca", authority_key, authority_key, issuer=None)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(names[0], key, authority_key, issuer=authority, dns=names, addresses=())
    return Serving(_pem(authority), _pem(certificate), _private_pem(key))


def create(layout: Layout) -> Pki:
    """Make a certificate authority, one serving certificate for all parts, the key of service accounts, a token."""
    folder = layout.pki
    folder.mkdir(mode=0o700)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("serin-sandbox-ca", authority_key, authority_key, issuer=None)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("serin-sandbox", key, authority_key, issuer=authority)
    accounts = ec.generate_private_key(ec.SECP256R1())
    token = secrets.token_urlsafe(32)
    pki = Pki(
        ca=folder / "ca.crt",
        certificate=folder / "tls.crt",
        key=folder / "tls.key",
        accounts_key=folder / "accounts.key",
        accounts_public=folder / "accounts.pub",
        tokens=folder / "tokens.csv",
        admin_token=token,
    )
    write_private(pki.ca, _pem(authority))
    write_private(pki.certificate, _pem(certificate))
    write_private(pki.key, _private_pem(key))
    write_private(pki.accounts_key, _private_pem(accounts))
    public = accounts.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_private(pki.accounts_public, public.decode())
    write_private(pki.tokens, f'{token},admin,admin,"system:masters"\n')
    return pki


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    issuer: x509.Certificate | None,
    dns: Sequence[str] = DNS_NAMES,
    addresses: Sequence[str] = ADDRESSES,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        # Python 3.13 and newer verify strictly: without this extension they refuse the certificate.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_usage(authority=issuer is None), critical=True)
    )
    if issuer is not None:
        names: list[x509.GeneralName] = [x509.DNSName(one) for one in dns]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    # The older PEM form: kube-controller-manager reads elliptic keys in it.
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
