"""Which names speak of a secret, and which values are none; for RE2, too: the admission policy has the same rules.

``HF_TOKEN``, ``--api-key`` and ``aws.secretAccessKey`` do; ``TOKENIZER_PATH``, ``MAX_TOKENS``, ``PAD_TOKEN_ID``,
``POSTGRES_PASSWORD_FILE`` and ``AWS_ACCESS_KEY_ID`` do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

LONGEST_NAME = 100
SENSITIVE_NAME = (
    r"(?i)(token([^a-z]|$)|secret|passw|passphrase|credential|(api|access|account|private|signing|encryption)[_.-]?key)"
)
"""A name that speaks of a secret, unless it is harmless. A plural (``MAX_TOKENS``) counts things, and is none."""
HARMLESS_NAME = (
    r"(?i)("
    # What a name ends with says what it is: where a secret lies, what it is called, or how it is used.
    r"[_.-](file|path|dir|directory|mount|name|namespace|url|uri|endpoint|host|port|region|type|mode|policy|provider"
    r"|issuer|audience|header|prefix|suffix|format|length|len|limit|count|size|budget|ttl|timeout|seconds|minutes|days"
    r"|interval|expiry|expiration|enabled|disabled|required|version|index|num|ids)$"
    r"|(key|token)[_.-]?id$"
    r"|(secret|token|credentials?|key|passw(or)?d)(keyref|ref|name|file|path|dir|class)$"
    # Tokens of a language model.
    r"|(^|[_.-])(pad|eos|bos|eot|unk|sep|cls|mask|stop|start|begin|end|image|audio|video|special|max|min|num|per|think)"
    r"[_.-]token([_.-]|$)"
    r"|token[_.-](text|str|string|embedding|embeddings|classification|level|ratio|throughput|latency|cost|bucket)([_.-]|$)"
    r"|(^|[_.-])tiktoken([_.-]|$)"
    # The path of a key file, by the name that Google's libraries gave it.
    r"|(^|[_.-])google_application_credentials$"
    r")"
)
"""A name that only looks as if it spoke of a secret."""
HARMLESS_VALUE = r"(?i)^(true|false|yes|no|on|off|0|1|none|null|empty|dummy|\$\([a-z_][-._a-z0-9]*\))$"
"""A switch, a word for "no secret", or a reference to another variable, whatever the name is."""
CREDENTIAL_IN_URI = (
    r"://[^/?#@\s:]*:([^/?#@\s$]|\$[^(])[^/?#@\s]*@"
    r"|(?i:[?&](x-amz-signature|x-amz-security-token|x-goog-signature|sig|signature|(access_|private_|auth_)?token"
    r"|api_?key|password)=[^&\s$])"
)
"""A password in a URI, or the signature of a signed one; ``$(…)``, a reference to another variable, is none."""
_SENSITIVE_NAME = re.compile(SENSITIVE_NAME)
_HARMLESS_NAME = re.compile(HARMLESS_NAME)
_HARMLESS_VALUE = re.compile(HARMLESS_VALUE)
_CREDENTIAL_IN_URI = re.compile(CREDENTIAL_IN_URI)


def names_secret(name: str) -> bool:
    """Whether a variable, a key or an option of that name holds a secret."""
    return _SENSITIVE_NAME.search(name) is not None and _HARMLESS_NAME.search(name) is None


def is_harmless(value: str) -> bool:
    """Whether the value cannot be a secret, whatever its name is."""
    return _HARMLESS_VALUE.search(value) is not None


def has_credential(uri: str) -> bool:
    """Whether a password or a signature stands in a URI, or in a text with URIs."""
    return _CREDENTIAL_IN_URI.search(uri) is not None


def is_secret(name: str, value: str) -> bool:
    """Whether a value in plain text is a secret by its name."""
    return bool(value) and names_secret(name) and not is_harmless(value)


def in_command_line(container: Mapping[str, Any]) -> Iterator[str]:
    """Options whose value is a secret (``--api-key=…``, or ``--api-key`` and the next argument); addresses with one."""
    for field in ("command", "args"):
        given = container.get(field)
        arguments = [str(argument) for argument in given] if isinstance(given, list) else []
        for number, (argument, following) in enumerate(pairwise([*arguments, ""])):
            name, is_pair, value = argument.partition("=")
            if not is_pair:
                value = "" if following.startswith("-") else following
            if name.startswith("-") and is_secret(name, value):
                yield f": option {shown(name)} has a secret"
            elif has_credential(argument):
                yield f".{field}[{number}] has a password or a signature in an address"


def shown(name: str) -> str:
    """A name as messages show it."""
    return "".join(char for char in name if char.isprintable())[:LONGEST_NAME]
