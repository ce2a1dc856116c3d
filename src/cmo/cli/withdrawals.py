"""What every command says of people who had to be taken out of a provider's sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cmo.cli.session import Session
from cmo.cli.terminal import safe_line

if TYPE_CHECKING:
    from cmo.domain.suppression import Key
    from cmo.service.withdrawing import Withdrawn
    from cmo.store.withdrawals import StillIn

_SHOWN = 5


def take_out(here: Session) -> Withdrawn:
    """Take everybody who must not be contacted out of the sequences that they were handed to, and tell."""
    from cmo.service.withdrawing import withdraw  # lists do without it

    done = withdraw(here.settings)
    tell_withdrawn(here, done)
    return done


def tell_withdrawn(here: Session, withdrawn: Withdrawn) -> None:
    """Who was taken out, and who is in a sequence still."""
    if withdrawn.done:
        here.say.note(f"Taken out of the sequence they were handed to: {withdrawn.done:,}.")
    tell_still_in(here, withdrawn.left)


def tell_would_withdraw(here: Session, names: Iterable[Key]) -> None:
    """How many would be taken out, where it is anybody."""
    from cmo.service.withdrawing import would_withdraw

    count = would_withdraw(here.settings, names)
    if count:
        here.say.note(f"Would take out of the sequence they were handed to: {count:,}.")


def tell_still_in(here: Session, left: Sequence[StillIn]) -> None:
    """Whom a sequence may still mail, and what a person can do about it."""
    for one in left[:_SHOWN]:
        why = f" ({safe_line(one.why)})" if one.why else ""
        here.say.warn(
            f"{one.provider} may still mail {safe_line(one.email or one.lead_id)}{why}; the next cmo send tries again.",
            hint=f"Do not wait for it: {safe_line(one.by_hand)}",
        )
    if len(left) > _SHOWN:
        here.say.note(f"… and {len(left) - _SHOWN:,} more: cmo outbox list --where op:withdraw")


def still_in_data(left: Sequence[StillIn]) -> list[dict[str, Any]]:
    """The same for programs; people by their row in the outbox."""
    return [{"outbox_id": one.id, "provider": one.provider, "sequence_id": one.sequence_id} for one in left]
