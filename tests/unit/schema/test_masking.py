"""No credential in words of others is told, and ordinary words stay as they are."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serin.schema.masking import masked

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nq8fLg6==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgres://ana:hunter2@db:5432/f is down", "postgres://***@db:5432/f is down"),
        ("postgres://ana:hunt@er2@db/f", "postgres://***@db/f"),
        ("https://ghsecretwithoutname123@git/x", "https://***@git/x"),
        (
            "GET https://b/m?X-Amz-Date=1&X-Amz-Signature=abc: 403",
            "GET https://b/m?X-Amz-Date=1&X-Amz-Signature=*** 403",
        ),
        ("https://acc.blob/c?sv=2024&sig=abc%3D failed", "https://acc.blob/c?sv=2024&sig=*** failed"),
        ("u=https%3A//b%3FX-Amz-Signature%3Dabc", "u=https%3A//b%3FX-Amz-Signature%3D***"),
        ("password=hunter2, user=ana", "password=***, user=ana"),
        ("connect(host='db', password='hunt\\'er 2', port=1)", "connect(host='db', password='***', port=1)"),
        ('{"token": "a b", "n": 1}', '{"token": "***", "n": 1}'),
        ('{\\"token\\": \\"a b\\", \\"n\\": 1}', '{\\"token\\": \\"***\\", \\"n\\": 1}'),
        ("{'api_key': 'abc'}", "{'api_key': '***'}"),
        ("Namespace(model='m', api_key=['abc'], max_num_batched_tokens=2048)", None),
        ("AWS_SECRET_ACCESS_KEY=abc+/= AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", None),
        ("  password: hunter2\n  user: ana", "  password: ***\n  user: ana"),
        ("- secret: hunter2", "- secret: ***"),
        ("config HF_TOKEN: abc", "config HF_TOKEN: ***"),
        ("401 for Bearer abc.def", "401 for Bearer ***"),
        ("> Authorization: Basic YW5hOmh1bnRlcjI=\n> Accept: */*", "> Authorization: ***\n> Accept: */*"),
        ('{"Authorization": "Bearer abc", "Accept": "*"}', '{"Authorization": "***", "Accept": "*"}'),
        ("cookie: session=abc; a=b", "cookie: ***"),
        (f"jwt {JWT} is expired", "jwt *** is expired"),
        ("key AKIAIOSFODNN7EXAMPLE is not known", "key *** is not known"),
        ("hf_abcdefghijklmnopqrst is not valid", "*** is not valid"),
        (f"cannot parse {PEM}!", "cannot parse ***!"),
        (f"cannot parse {PEM[:-20]}", "cannot parse ***"),
        (f"log: {PEM[40:]} is no key", "log:*** is no key"),
    ],
)
def test_a_credential_is_masked(text: str, told: str | None) -> None:
    found = masked(text)
    assert told is None or found == told
    assert not any(
        secret in found for secret in ("hunt", "er2", "abc", "AKIA", "MII", "q8fL", "ghsecret", "eyJ", "YW5h")
    )
    assert masked(found) == found


ORDINARY = """
Back-off pulling image "kserve/sklearnserver:v0.20.0"
rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/x@sha256:0123": not found
failed to fetch anonymous token: unexpected status from GET https://auth.docker.io/token?scope=x: 401 Unauthorized
WWW-Authenticate: Bearer realm="https://auth.docker.io/token",service="registry.docker.io"
secret "storage-config" not found
couldn't find key HF_TOKEN in Secret prod/hf-secret
MountVolume.SetUp failed for volume "certs" : secret "tls" not found
MountVolume.SetUp failed for volume "cfg" : references non-existent secret key: tls.crt
Unable to attach or mount volumes: unattached volumes=[models kube-api-access-x7k2p]: timed out
failed to get secret: secrets "foo" is forbidden: User "system:serviceaccount:prod:default" cannot get it
0/3 nodes are available: 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }
pods "fraud-7c9f2a1b-predictor-6d4c" is forbidden: exceeded quota: q, requested: limits.cpu=4
admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request: predictor is required
OOMKilled, exit code 137
network not ready: NetworkReady=false reason:NetworkPluginNotReady message:docker: network plugin
Readiness probe failed: HTTP probe failed with statuscode: 503
The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi.
OSError: [Errno 28] No space left on device: '/mnt/models/model.safetensors'
ValueError: The tokenizer class of this checkpoint is not the same type: tokenizer_class='LlamaTokenizer'
Using pad_token, but it is not set yet. eos_token='</s>', pad_token_id=0, num_tokens: 5
ValueError: max_num_batched_tokens=2048 is smaller than max_model_len=4096
json.decoder.JSONDecodeError: Unexpected token: '}' at 3
botocore.exceptions.ClientError: An error occurred (SignatureDoesNotMatch) when calling the GetObject operation
botocore.exceptions.NoCredentialsError: Unable to locate credentials
GatedRepoError: 401 Client Error. Access to model meta-llama/Llama-3.1-8B is restricted.
Invalid user token. If you didn't pass a user token, make sure you are properly logged in
usage: vllm serve [--api-key API_KEY]; error: argument --api-key: expected one argument
RuntimeError: Failed to fetch model. Model path: s3://models/fraud/42/model.joblib
No model runtime found for hf://meta-llama/Llama-3.1-8B:main and oci+native://registry:5000/m@sha256:0123
git clone ssh://git@github.com/models.git failed
HF_TOKEN is not set; OPENAI_API_KEY=EMPTY, USE_AUTH_TOKEN=true, api_key=$(VLLM_API_KEY)
Bearer token is missing; bearer authentication failed
sk-fraud-model-7c9f2a1b-predictor-6d4c is not ready
"""


@pytest.mark.parametrize("text", ORDINARY.splitlines())
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert masked(text) == text


WORDS = st.sampled_from(
    ["fraud", "failed:", "s3://models/fraud", "(x)", "a=b", "\n", '"q"', "'s'", "42", "token", "@", "&", "-", ""]
)
PROSE = st.lists(WORDS, max_size=4).map(" ".join)
PLAIN = st.text(string.ascii_letters + string.digits, min_size=8, max_size=40).map("Zq".__add__)
ODD = st.text(string.ascii_letters + string.digits + "+/=_-!#$%^*~:.?&@", min_size=4, max_size=40).map(
    lambda s: f"Zq{s}Zq"
)
QUOTABLE = st.text(string.printable.replace('"', "").replace("\\", ""), min_size=4, max_size=40).map(
    lambda s: f"Zq{s}Zq"
)
KEYS = st.sampled_from(
    [
        "token",
        "password",
        "PASSWORD",
        "db_password",
        "secret",
        "api_key",
        "apiKey",
        "api-key",
        "HF_TOKEN",
        "client_secret",
    ]
)
JWTS = st.lists(st.text(string.ascii_letters + string.digits + "_-", min_size=6, max_size=30), min_size=2, max_size=3)
SHAPES = st.one_of(
    st.tuples(PLAIN, st.sampled_from(["https://ana:{}@h/x", "redis://:{}@h", "x=amqp://a:{}@h:1/v"])),
    st.tuples(ODD, st.builds("{}={{}}".format, KEYS)),
    st.tuples(ODD, st.builds("{}:{{}}".format, KEYS)),
    st.tuples(ODD, st.builds("\n  {}: {{}}".format, KEYS)),
    st.tuples(ODD, st.builds("https://h/m?a=1&{}={{}}&b=2".format, KEYS)),
    st.tuples(QUOTABLE, st.builds('"{}": "{{}}"'.format, KEYS)),
    st.tuples(QUOTABLE.map(lambda s: s.replace("'", "")), st.builds("{}='{{}}'".format, KEYS)),
    st.tuples(
        ODD, st.sampled_from(["X-Amz-Signature={}", "?X-Amz-Security-Token={}", "?sig={}", "&X-Goog-Signature={}&a=b"])
    ),
    st.tuples(
        ODD,
        st.sampled_from(["Authorization: Bearer {}", "authorization=Basic {}", "Authorization: {}", "Cookie: a={}"]),
    ),
    st.tuples(PLAIN, st.sampled_from(["Bearer {}", "bearer {}", "with 'Bearer {}'"])),
    st.tuples(
        st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16).map("AKIA".__add__), st.just("{}")
    ),
    st.tuples(JWTS.map(lambda parts: "eyJ" + ".".join(parts)), st.just("{}")),
    st.tuples(
        st.text(string.ascii_letters + string.digits + "+/\n", min_size=4, max_size=200).map(lambda s: f"Zq{s}Zq"),
        st.sampled_from(
            [
                "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}",
                "{}\n-----END EC PRIVATE KEY-----",
            ]
        ),
    ),
)


@settings(max_examples=200)
@given(before=PROSE, shape=SHAPES, after=PROSE)
def test_no_secret_survives(before: str, shape: tuple[str, str], after: str) -> None:
    secret, template = shape
    text = f"{before} {template.replace('{}', secret)} {after}"
    assert secret not in masked(text)


@settings(max_examples=50)
@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    once = masked(text)
    assert masked(once) == once


@pytest.mark.parametrize(
    "part",
    [
        "a",
        " ",
        "a:",
        "://",
        "@",
        "eyJ",
        "eyJ.",
        "token",
        "token: ",
        "token:\n",
        'token="',
        "a='\\",
        "\\",
        "bearer ",
        "hf_",
        "authorization:",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "sk-",
        "a=b&",
    ],
)
def test_no_text_takes_long(part: str) -> None:
    text = part * (200_000 // len(part))
    began = time.process_time()
    masked(text)
    assert time.process_time() - began < 5  # 0.1 s; a pattern that can match in many ways takes minutes
