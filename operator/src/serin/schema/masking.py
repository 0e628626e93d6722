r"""Masks credentials in words of others before they are told: log tails, KServe's and the kubelet's messages.

    shape                                                            masked
    ``s3://user:password@host``, ``https://long-token@host``         what stands before ``@``
    ``token=…``, ``"password": "…"``, ``X-Amz-Signature=…``          the value
    ``Authorization: …``, ``Cookie: …``                              the rest of the line
    ``Bearer …``                                                     the token
    JSON Web Tokens, ids of AWS keys, tokens with a known prefix     all of it
    blocks of private keys, also those that a log tail cuts          all of it

What has no such shape is not recognised: it is no proof that a message holds no secret. Each pattern takes time in
proportion to the text: no part of it can be matched in two ways.
"""

from __future__ import annotations

import re
import string

from serin.schema.secret_names import is_harmless, names_secret

HIDDEN = "***"
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_END_OF_KEY = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_CHARACTERS = string.ascii_letters + string.digits + string.whitespace + "+/=\\"
_USER_INFO = re.compile(r"://((?:[^\s/@\"<>`]*+@)++)")
_LONGEST_USER = 16
"""A user's name without a password is masked from this length on: it may be a token."""
_HEADER = re.compile(r"(?i)(?<![a-z0-9])((?:proxy-)?authorization|(?:set-)?cookie)(\\*[\"']?\s*+[:=]\s*+)([^\r\n]++)")
_BEARER = re.compile(
    r"(?i)(?<![a-z0-9])(bearer\s++)"
    r"(?!(?:tokens?|auth\w*|schemes?|realm|errors?|is|was|not|for|from|in|of|or|and|headers?|challenges?|credentials?)"
    r"(?![\w.~+/-]))[\w.~+/=-]++"
)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]++(?:\.[\w-]*+)++"  # a JSON Web Token
    r"|(?:AKIA|ASIA|ABIA|ACCA|AIDA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|(?:hf_|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|nvapi-|AIza)[\w-]{16,}+"
    r"|sk-(?:proj-|ant-|or-)?\w{20,}+[\w-]*+"
    r")"
)
_KEY = re.compile(r"(?<![\w.-])([\w.-]++)(\\*[\"'])?+([^\S\r\n]*+(?:=|:|%3[Dd])[^\S\r\n]*+)")
_VALUE = re.compile(r"\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?|(\\+[\"']).*?(?:\1|\Z)|\S++", re.DOTALL)
_AFTER_VALUE = ")]}>,;."
"""Characters behind a value without quotes that are the sentence's."""
_SIGNATURE = re.compile(r"(?i)(?:^|[-_.])(?:sig|signature|pwd|pass|x-(?:amz|goog)-credential)$")
_NO_WORD = re.compile(r"(?i)passw|passphrase|key$|^x-")
"""Keys that sentences rarely have before a colon, unlike ``cannot get secret: not found``."""
_ERROR = re.compile(r"(?i)(?:error|exception|warning|failure|failed)$")
_QUOTES = "\"'\\"
_INDENTATION = 64


def masked(text: str) -> str:
    """The text without the credentials that can be recognised; unchanged if there are none."""
    text = _without_key_blocks(text)
    text = _USER_INFO.sub(_user_info, text)
    text = _HEADER.sub(_header, text)
    text = _BEARER.sub(rf"\g<1>{HIDDEN}", text)
    text = _TOKEN.sub(HIDDEN, text)
    return _without_values(text)


def _without_key_blocks(text: str) -> str:
    if "PRIVATE KEY" not in text:
        return text
    parts = _END_OF_KEY.split(_KEY_BLOCK.sub(HIDDEN, text))
    # An end without a beginning: whoever took the tail of a log cut it off.
    return HIDDEN.join([*(part.rstrip(_KEY_CHARACTERS) for part in parts[:-1]), parts[-1]])


def _user_info(found: re.Match[str]) -> str:
    user = found[1]
    return f"://{HIDDEN}@" if ":" in user or len(user) > _LONGEST_USER else found[0]


def _header(found: re.Match[str]) -> str:
    """A quoted value ends with its quote, any other with its line."""
    name, separator, rest = found.groups()
    value = _VALUE.match(rest)
    if value is None or rest[0] not in _QUOTES:
        return f"{name}{separator}{HIDDEN}"
    return f"{name}{separator}{_hidden(value[0])}{rest[value.end() :]}"


def _without_values(text: str) -> str:
    """Without the values of keys that speak of a secret."""
    parts, end = [], 0
    for found in _KEY.finditer(text):
        if found.start() < end or not _holds_secret(found):
            continue
        value = _VALUE.match(text, found.end())
        if value is not None:
            parts += [text[end : found.end()], _hidden(value[0])]
            end = value.end()
    return "".join([*parts, text[end:]]) if parts else text


def _hidden(value: str) -> str:
    """``***`` in place of the value, between its quotes; what is no secret, or no value, as it is."""
    if is_harmless(value) or is_harmless(value.strip(_QUOTES + _AFTER_VALUE)) or is_harmless(value.rstrip(",;.")):
        return value
    if value[0] in _QUOTES:
        quote = value[: len(value) - len(value.lstrip("\\")) + 1]
        return f"{quote}{HIDDEN}{quote}"
    core = value.rstrip(_AFTER_VALUE)
    return f"{HIDDEN}{value[len(core) :]}" if core else value


def _holds_secret(found: re.Match[str]) -> bool:
    """Whether the value of the key is a secret; ``key: `` without quotes may be a part of a sentence."""
    key, quote, separator = found[1].lstrip("-"), found[2], found[3]
    if not names_secret(key):
        return ":" not in separator and _SIGNATURE.search(key) is not None
    if quote is not None or ":" not in separator or separator == ":":
        return True
    if _ERROR.search(key) is not None:
        return False
    is_option = found[1].startswith("-")
    return _starts_line(found) or (not is_option and (key.isupper() or _NO_WORD.search(key) is not None))


def _starts_line(found: re.Match[str]) -> bool:
    """Whether only blanks, or the dash of a list, stand before the key in its line."""
    start = found.start()
    before = found.string[max(0, start - _INDENTATION) : start]
    line = before.rpartition("\n")
    return not line[2].strip(" \t-") and (bool(line[1]) or start <= _INDENTATION)
