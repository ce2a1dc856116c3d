"""What Limits asks before weights or the sender are changed: what it does is shown first."""

from __future__ import annotations

from cmo.config import MAILERS
from cmo.service.mailers import MailerChange, mailer_change, set_mailer
from cmo.tui.messages import Told
from cmo.tui.screens.base import Page
from cmo.tui.widgets.dialogs import Ask, Choose, Confirm
from cmo.tui.work_scores import Tried, tried, weighed


def ask_weights(page: Page, typed: str) -> None:
    """For several weights at once.

    Args:
        typed: What stands in the field already.
    """
    if page.desk.job_id is None:
        page.workplace.refuse("There is no job yet, hence nobody to score.")
        return
    ask = Ask("Weigh", "FEATURE=N, several with spaces between, such as: role=40 reach=0", value=typed)
    page.app.push_screen(ask, lambda text: None if text is None else try_weights(page, text))


def try_weights(page: Page, text: str) -> None:
    """Look up what weights do, apart from everything else: with many people that takes a moment."""
    settings, job_id = page.desk.settings, page.desk.job_id
    if job_id is not None:
        page.workplace.act_apart("score.set", lambda: tried(settings, job_id, text))


def agree_to_weights(page: Page, found: Tried) -> None:
    """Who moves, then a yes."""
    settings = page.desk.settings

    def do(yes: bool | None) -> None:
        if yes:
            page.workplace.act_apart("score.set", lambda: weighed(settings, found))

    page.app.push_screen(Confirm(f"{found.change.words}?", found.words), do)


def ask_mailer(page: Page) -> None:
    """Another one to carry mail: who, then what it voids, then a yes."""
    settings, file = page.desk.settings, page.desk.settings_file

    def chosen(number: int | None) -> None:
        if number is None:
            return
        change = mailer_change(settings, MAILERS[number - 1])
        if change.after == change.before:
            page.workplace.refuse(f"{change.after} carries mail already.")
            return

        def do(yes: bool | None) -> None:
            if yes:
                page.workplace.act("mailer.set", lambda: _mailer_set(change))

        page.app.push_screen(Confirm(f"Mail by {change.after}, no longer by {change.before}?", change.effect), do)

    def _mailer_set(change: MailerChange) -> Told:
        set_mailer(settings, change, file)
        told = f"{change.after} carries the mail of jobs that name nobody themselves."
        return Told("mailer.set", f"{told} cmo doctor checks what it needs.", answer=change)

    choices = [f"{name}{': writes files, nothing leaves' if name == 'maildir' else ''}" for name in MAILERS]
    page.app.push_screen(Choose(f"{settings.mailer} carries mail. Another:", choices), chosen)
