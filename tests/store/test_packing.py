from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.event import CandidateFound
from cmo.store.packing import pack, unpack
from tests.fakes.outside import ref_factory


@given(st.text(max_size=500))
def test_what_is_packed_comes_back(text: str) -> None:
    assert unpack(pack(text)) == text


def test_an_event_takes_less_than_half_of_its_text() -> None:
    text = CandidateFound(ref=ref_factory()).model_dump_json()
    assert len(pack(text)) < len(text) / 2


def test_text_that_was_never_packed_is_read_as_it_is() -> None:
    assert unpack("{}") == "{}"


def test_the_dictionary_is_part_of_the_stored_form() -> None:
    kept = bytes.fromhex("4394998979898433662d00")
    assert unpack(kept) == '{"login":"ana","reason":"the domain takes mail"}'
