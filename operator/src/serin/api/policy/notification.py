"""Who is told what, by a policy: receivers are the operator's, and a policy chooses among them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serin.schema.notification_kinds import NotificationKind
from serin.schema.types import DNS_LABEL, ApiModel


class NotificationRule(ApiModel):
    """What one receiver is told of the ModelDeployments with this policy, in place of the receiver's own default."""

    receiver: Annotated[str, Field(max_length=63, pattern=DNS_LABEL)]
    """Name of a receiver in the operator's settings. One that is not there stops nothing: the condition Notified says
    so."""
    about: Annotated[list[NotificationKind], Field(max_length=16)]
    """Kinds of notifications; an empty list: none."""
