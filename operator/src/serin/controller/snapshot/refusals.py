"""Maps an error of the API server to a reason, and describes it with the server's message and a remedy."""

from __future__ import annotations

from serin.errors import ClusterError, Conflict, NameTaken, NotFound, Refused
from serin.schema.reasons import Reason

REMEDIES = {
    Reason.QUOTA_EXCEEDED: "raise the quota, or free what it counts",
    Reason.WEBHOOK_REFUSED: "change what that webhook or policy objects to, or ask whoever runs it",
    Reason.PERMISSION_MISSING: "give Serin's service account that right (the chart's rules have it)",
    Reason.NAME_TAKEN: "delete that object, or change spec.model or spec.predictor: another revision has another name",
    Reason.WRITE_REFUSED: "mend what the server says",
    Reason.WRITE_UNAVAILABLE: "it is tried again by itself",
}


def refusal(message: str) -> Reason:
    """The reason for a refusal, by the server's message."""
    lower = message.lower()
    if "exceeded quota" in lower or "forbidden: failed quota" in lower:
        return Reason.QUOTA_EXCEEDED
    if "admission webhook" in lower or "failed calling webhook" in lower or "validatingadmissionpolicy" in lower:
        return Reason.WEBHOOK_REFUSED
    if "is forbidden" in lower and " cannot " in lower:
        return Reason.PERMISSION_MISSING
    return Reason.WRITE_REFUSED


def reason_of(error: Exception) -> Reason:
    """The reason for a failed write."""
    if isinstance(error, NameTaken):
        return Reason.NAME_TAKEN
    if isinstance(error, Refused | NotFound):
        return refusal(str(error))
    if isinstance(error, Conflict):
        return Reason.WRITE_UNAVAILABLE
    if isinstance(error, ClusterError):
        return Reason.WEBHOOK_REFUSED if "failed calling webhook" in str(error).lower() else Reason.WRITE_UNAVAILABLE
    return Reason.WRITE_REFUSED


def describe(act: str, name: str, error: Exception) -> str:
    """The object that could not be written, the server's message, and a remedy."""
    message = str(error) if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"
    return f"{act} {name} cannot be written: {message[:500]}; {REMEDIES[reason_of(error)]}"
