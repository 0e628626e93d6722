"""``serin replay``: reads the PromotionRecord whose evidence is judged again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from serin.api.files.load import LARGEST_DOCUMENT, TOP_LEVEL, unknown_fields, validated, yaml_document
from serin.api.promotion_record import PromotionRecord
from serin.cli.judge import read_text
from serin.errors import InvalidInput
from serin.records.replay import RecordReplay


def replay_of(path: Path) -> RecordReplay:
    """The replay of the one record in a file; ``InvalidInput``."""
    return replay_in(read_text(path, LARGEST_DOCUMENT), str(path))


def replay_in(text: str, source: str) -> RecordReplay:
    """The replay of the one PromotionRecord in ``text``, YAML or JSON; ``InvalidInput``."""
    document = yaml_document(text, source)
    if not isinstance(document, Mapping) or document.get("kind") != "PromotionRecord":
        raise InvalidInput(f"{source}: expected one PromotionRecord (kubectl get prec NAME -o yaml), or an export")
    record = validated(PromotionRecord, document, source)
    replay = RecordReplay(record, source, lacks_parts=(record.status.parts or 1) > 1)
    own = {key: part for key, part in document.items() if key not in TOP_LEVEL}
    replay.unused = [*unknown_fields(own, record, ""), *replay.unused]
    return replay
