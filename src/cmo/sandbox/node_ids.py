"""GitHub's opaque node ids: a prefix for the type and the packed database id."""

from __future__ import annotations

import base64
import binascii
import struct

from cmo.sandbox.accounts import Account, Bot, Org, Person
from cmo.sandbox.history import Commit
from cmo.sandbox.repos import Repo
from cmo.sandbox.world import World

_ID = b"\x92\x00\xce"
_ID_AND_TEXT = b"\x93\x00\xce"


def node_id(node: Account | Repo | Commit) -> str:
    """The global id of an account, a repository or a commit."""
    match node:
        case Person():
            return numbered_id("U", node.account_id)
        case Org():
            return numbered_id("O", node.account_id)
        case Bot():
            return numbered_id("BOT", node.account_id)
        case Repo():
            return numbered_id("R", node.repo_id)
        case Commit():
            packed = _ID_AND_TEXT + struct.pack(">I", node.repo.repo_id) + b"\xd9\x28" + node.oid.encode()
            return f"C_{_pack(packed)}"


def numbered_id(prefix: str, number: int) -> str:
    """The global id of anything that has a database id below 2**32."""
    return f"{prefix}_{_pack(_ID + struct.pack('>I', number))}"


def find_node(world: World, global_id: str) -> Account | Repo | Commit | None:
    """What the id stands for, deleted accounts and repositories too; None when it stands for nothing."""
    prefix, _, packed = global_id.partition("_")
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(raw) < 7:
        return None
    number = int(struct.unpack(">I", raw[3:7])[0])
    if prefix == "R":
        return world.find_repo_by_id(number)
    if prefix == "C":
        repo = world.find_repo_by_id(number)
        return world.history(repo).find(raw[9:].decode("ascii", "replace")) if repo else None
    account = world.population.find_by_id(number)
    return account if account is not None and node_id(account) == global_id else None


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
