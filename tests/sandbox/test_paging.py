from __future__ import annotations

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from cmo.sandbox.graphql_paging import decode_cursor, encode_cursor, paginate


@given(count=st.integers(0, 60), size=st.integers(1, 25))
def test_pages_forward_join_to_the_whole(count: int, size: int) -> None:
    items, seen, after = list(range(count)), list[int](), None
    while True:
        page = paginate(items, {"first": size, "after": after})
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == items


@given(count=st.integers(0, 60), size=st.integers(1, 25))
def test_the_last_ones_are_the_end_of_the_whole(count: int, size: int) -> None:
    assert paginate(list(range(count)), {"last": size})["nodes"] == list(range(count))[-size:]


@given(offset=st.integers(0, 10**6), mark=st.sampled_from(["cursor:", "cursor:v2:", "0a1b2c3d4e "]))
def test_a_cursor_means_the_offset_it_was_made_of(offset: int, mark: str) -> None:
    assert decode_cursor(encode_cursor(offset, mark)) == offset


@pytest.mark.parametrize("cursor", ["", "%%%", "bm90aGluZw=="])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(GraphQLError):
        decode_cursor(cursor)
