"""What the operator lacks, in words."""

from __future__ import annotations

from serin.cluster.client import Object
from serin.cluster.permissions import NEEDED, Missing, Permission, missing


async def test_a_missing_permission_has_a_name() -> None:
    class Review:
        async def post(self, path: str, body: Object) -> Object:
            assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            asked = body["spec"]["resourceAttributes"]
            refused = asked["resource"] == "promotionrecords" and asked["subresource"] == "status"
            return {"status": {"allowed": not refused and asked["namespace"] == "prod"}}

    found = await missing(Review(), NEEDED, "prod")
    assert [str(permission) for permission in found] == ["update promotionrecords/status.serin.dev in namespace prod"]


def test_what_is_missing_says_where_and_whom_it_concerns() -> None:
    one, every = (
        Missing(Permission("", "pods", "list"), "x"),
        Missing(Permission("gateway.networking.k8s.io", "httproutes", "patch")),
    )
    assert [str(one), str(every)] == ["list pods in namespace x", "patch httproutes.gateway.networking.k8s.io"]
    assert [one.concerns("x"), one.concerns("y"), every.concerns("y")] == [True, False, True]
