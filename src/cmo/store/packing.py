"""Row events, packed: there is one for each thing found, and most of what they say is the names of their fields.

A preset dictionary makes zlib good at short texts. It is part of the stored form: never edit it, add another.
"""

from __future__ import annotations

import zlib

_DICTIONARY_1 = (
    b'"commits_seen":,"people":,"state":"ok","repo_id":"R_kgDO","query":"topic:","full_name":"","owner":"","owner_'
    b'is_org":false,"owner_is_org":true,"description":"","stars":,"forks":,"language":"Python","topics":["testing"'
    b',"ci","pytest","devtools","llm"],"pushed_at":"2026-","archived":false,"fork":false,"license":"MIT","repo":{"'
    b'id":""ref":{"login":"","user_id":"U_kgDO","from_repo":"","signal":"commits","contributions":,"role":"contrib'
    b'utor","role":"maintainer","evidence":["merged pull requests","published releases","owns the repository","nam'
    b'ed in CODEOWNERS","wrote % of the commits"],"last_at":"2026-","profile":{"login":"","name":"","company":"","'
    b'location":"","bio":"","blog":"","email":"","twitter":"","followers":,"following":,"public_repos":,"hireable"'
    b':false,"created_at":"20","updated_at":"2026-","url":"https://github.com/","fetched_at":"2026-","email_class"'
    b':"published","email_class":"commit","source_url":"https://github.com//commit/","seen_at":"2026-","evidence":'
    b'"published on the profile of ","verdict":{"email":"","state":"ok","reason":"the domain takes mail","flags":['
    b'"free_mail"],"checked_at":"2026-","score":{"value":,"label":"WARM","label":"HOT","label":"COLD","parts":[{"f'
    b'eature":"role","points":25.0,"reason":"maintains "},{"feature":"activity","points":,"reason":" contributions'
    b' in the last 90 days"},{"feature":"repo_fit","points":,"reason":" is about python, testing"},{"feature":"rea'
    b'chability","points":,"reason":"publishes an address"},{"feature":"recency","points":8.0,"reason":"last seen '
    b'days ago"},{"feature":"stars","points":,"reason":" has stars"},{"feature":"reach","points":,"reason":" follo'
    b'wers"},{"feature":"profile","points":,"reason":"the profile names "},{"feature":"location","points":5.0,"rea'
    b'son":"no place was asked for"}],"rationale":"HOT with  of 100 points: maintains  (+25);  contributions in th'
    b'e last 90 days (+22);  (+12)."},"accepted":true,"decision":"Accepted: publishes an address that takes mail."'
)


def pack(text: str) -> bytes:
    """`text` in about a quarter of its size."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY_1)
    return packer.compress(text.encode()) + packer.flush()


def unpack(body: bytes | str) -> str:
    """What was packed; text is text already."""
    if isinstance(body, str):
        return body
    unpacker = zlib.decompressobj(-15, _DICTIONARY_1)
    return (unpacker.decompress(body) + unpacker.flush()).decode()
