"""Looking back and looking in: the record of a decision, and the recipes that slates are made by."""

from typing import Any, Final

from litestar import get

from tailorbird.api.contract import speaks
from tailorbird.api.live import LiveShop
from tailorbird.api.paths import PathId, id_of
from tailorbird.api.schemas import POLICIES
from tailorbird.api.wire import whole
from tailorbird.errors import NotFound, UnknownSurface
from tailorbird.types import Decision, Policy


@get(
    "/v1/decisions/{decision_id:str}",
    summary="Read a decision",
    tags=["decisions"],
    **speaks(key="read", gives={"application/json": Decision}, fails=(NotFound,)),
)
async def read_decision(decision_id: PathId, live: LiveShop) -> Any:
    """The whole record of an answer: the request, the policy and models, every item with score, reason, propensity."""
    decision = live.app.ledger.get(id_of(decision_id))
    if decision is None:
        raise NotFound(
            f"There is no decision '{id_of(decision_id)[:64]}'.", hint="Take the decision_id from a slate of this shop."
        )
    return whole(decision)


@get(
    "/v1/policies",
    summary="List policies",
    tags=["policies"],
    **speaks(key="read", gives={"application/json": POLICIES}),
)
async def list_policies(live: LiveShop) -> dict[str, Any]:
    """The recipe of every surface, with the version that decisions name."""
    return {"policies": [whole(policy) for policy in live.engine.policies.values()]}


@get(
    "/v1/policies/{surface:str}",
    summary="Read a policy",
    tags=["policies"],
    **speaks(key="read", gives={"application/json": Policy}, fails=(UnknownSurface,)),
)
async def read_policy(surface: PathId, live: LiveShop) -> Any:
    """The recipe of one surface."""
    return whole(live.engine.policy_of(id_of(surface)))


handlers: Final[tuple[Any, ...]] = (read_decision, list_policies, read_policy)
