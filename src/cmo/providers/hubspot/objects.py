"""Reads that are exact: objects by id or address, and what is linked with what. Searches are not; see `companies`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmo.providers.calling import READ_TRIES
from cmo.providers.hubspot.parse import Record, broken, object_id, only_missing, records
from cmo.providers.hubspot.wire import Reply, Wire

BATCH = 100
MAX_PAGES = 200


async def read_objects(
    wire: Wire,
    kind: str,
    ids: Sequence[str],
    properties: Sequence[str],
    *,
    operation: str,
    id_property: str | None = None,
    tries: int = READ_TRIES,
) -> list[Record]:
    """Those of `ids` that are there, in any order.

    Raises:
        As `Wire.read`; ContractBroken also where HubSpot does not say of each whether it is there.
    """
    found: list[Record] = []
    for first in range(0, len(ids), BATCH):
        body: dict[str, Any] = {
            "inputs": [{"id": key} for key in ids[first : first + BATCH]],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        if id_property:
            body["idProperty"] = id_property
        path = f"/crm/objects/{{V}}/{kind}/batch/read"
        reply = await wire.read("POST", path, operation=operation, json_body=body, tries=tries)
        if _has_some(reply, operation):
            found.extend(records(reply.body, operation))
    return found


async def linked_ids(
    wire: Wire, kind: str, keys: Sequence[str], to_kind: str, *, operation: str, tries: int = READ_TRIES
) -> dict[str, list[str]]:
    """Id of an object -> ids of all objects of `to_kind` that are linked with it; no entry where there are none, or
    where that one is gone.

    Args:
        keys: At most 100.
    Raises:
        As `read_objects`; ContractBroken also where there is no end.
    """
    found: dict[str, list[str]] = {}
    entries = [{"id": key} for key in keys]
    path = f"/crm/associations/{{V}}/{kind}/{to_kind}/batch/read"
    for _ in range(MAX_PAGES):
        if not entries:
            return found
        reply = await wire.read("POST", path, operation=operation, json_body={"inputs": entries}, tries=tries)
        if not _has_some(reply, operation):
            return found
        results = reply.body.get("results")
        if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
            raise broken(operation, "the answer has no results")
        entries = []
        for row in results:
            key = _end(row.get("from"), operation)
            found.setdefault(key, []).extend(_targets(row.get("to"), operation))
            if after := _after(row.get("paging")):
                entries.append({"id": key, "after": after})
    raise broken(operation, "the list has no end")


def linked_pairs(body: Mapping[str, Any], operation: str) -> set[frozenset[str]]:
    """What an answer says is linked now, in whichever direction it tells it.

    Raises:
        ContractBroken: it cannot be read.
    """
    results = body.get("results")
    if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
        raise broken(operation, "the answer has no results")
    return {frozenset((_end(row.get("from"), operation), _end(row.get("to"), operation))) for row in results}


def _end(value: object, operation: str) -> str:
    return object_id(value.get("id") if isinstance(value, dict) else None, operation)


def _has_some(reply: Reply, operation: str) -> bool:
    """Whether there is anything to read; False where all that was asked for is missing.

    Raises:
        ContractBroken: it was refused, in whole or in part, for another reason.
    """
    if reply.status == 404:
        return False
    if reply.status >= 400 or not only_missing(reply.body):
        raise broken(operation, f"the look was refused: {reply.message or 'errors in the batch'}")
    return True


def _targets(to: object, operation: str) -> list[str]:
    if not isinstance(to, list) or not all(isinstance(target, dict) for target in to):
        raise broken(operation, "the answer has no list of links")
    return [object_id(target.get("toObjectId"), operation) for target in to]


def _after(paging: object) -> str | None:
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    return str(after) if after else None
