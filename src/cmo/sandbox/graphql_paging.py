"""Relay connections over sequences: cursors, page info, edges."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLError

_OFFSET = re.compile(r"\d+$")


def encode_cursor(offset: int, mark: str = "cursor:v2:") -> str:
    return base64.b64encode(f"{mark}{offset}".encode()).decode()


def decode_cursor(cursor: str) -> int:
    """The offset a cursor stands for.

    Raises:
        GraphQLError: it is none of ours.
    """
    try:
        text = base64.b64decode(cursor, validate=True).decode()
        return int(_OFFSET.findall(text)[0])
    except (binascii.Error, ValueError, IndexError) as error:
        raise GraphQLError(
            f"`{cursor}` does not appear to be a valid cursor.", extensions={"type": "INVALID_CURSOR_ARGUMENTS"}
        ) from error


def connection(
    items: Sequence[Any],
    *,
    start: int,
    has_next: bool,
    total: int | Callable[..., int],
    edge: Callable[[Any], dict[str, Any]] | None = None,
    mark: str = "cursor:v2:",
) -> dict[str, Any]:
    """A page that begins at offset `start`; `total` may be computed when it is asked for."""

    def edges(_info: Any) -> list[dict[str, Any]]:
        return [
            {"cursor": encode_cursor(start + place + 1, mark), "node": item} | (edge(item) if edge else {})
            for place, item in enumerate(items)
        ]

    return {
        "nodes": items,
        "edges": edges,
        "totalCount": total,
        "pageInfo": {
            "hasNextPage": has_next,
            "hasPreviousPage": start > 0,
            "startCursor": encode_cursor(start + 1, mark) if items else None,
            "endCursor": encode_cursor(start + len(items), mark) if items else None,
        },
    }


def paginate(
    items: Sequence[Any],
    args: dict[str, Any],
    *,
    total: int | None = None,
    edge: Callable[[Any], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The page of `items` that `first`, `last`, `after` and `before` ask for.

    Args:
        total: what `totalCount` says when it is more than the items that can be paged through.
    """
    start = decode_cursor(args["after"]) if args.get("after") else 0
    stop = decode_cursor(args["before"]) - 1 if args.get("before") else len(items)
    first, last = args.get("first"), args.get("last")
    if first is not None:
        stop = min(stop, start + first)
    if last is not None:
        start = max(start, stop - last)
    if first is None and last is None:
        stop = start
    page = items[start:stop]
    count = len(items) if total is None else total
    return connection(page, start=start, has_next=stop < len(items), total=count, edge=edge)
