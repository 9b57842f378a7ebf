"""Without this module nobody could sit down at a window, leave it for a while, or say what it can do.

Windows are locked in the order of their keys; each sitting is written down as a shift, and what it paused as rows of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from app.catalogue.models import ServicePoint
from app.catalogue.queries import service_point_for
from app.identity.models import Staff
from app.identity.rules import Role
from app.kernel import audit, clock, db
from app.kernel.actor import Actor
from app.kernel.errors import InvalidInput
from app.queueing.commands import check_free
from app.queueing.errors import CategoryNotServed, NoSuchWindow, WindowTaken
from app.queueing.models import Pause, Shift, Window
from app.queueing.queries import locked_window_of, ticket_at
from app.queueing.rules import businesses_of, check_skills

_LONGEST_REASON = 60


async def open_window(actor: Actor, service_point: str, number: int, categories: tuple[str, ...]) -> Window:
    """Sit down at a window for some businesses (all the window can do when none is named).

    Again is harmless, with other businesses it is the next shift; the window one sat at before is left, a pause is
    over. Raises `NotAllowed`, `NotFound`, `NoSuchWindow`, `WindowTaken`, `WindowBusy` or `CategoryNotServed`.
    """
    staff_id = actor.staff_id(Role.WINDOW_ACCEPTOR)
    point = await service_point_for(actor, service_point)
    _check_number(point, number)
    for category in categories:
        if category not in point.queue_categories:
            raise CategoryNotServed(category=category, field="categories")
    try:
        return await _sit_down(staff_id, point, number, categories or tuple(point.queue_categories))
    except IntegrityError:
        raise WindowTaken(number=number, title="同事", field="number") from None


def _check_number(point: ServicePoint, number: int) -> None:
    if not 1 <= number <= point.windows:
        raise NoSuchWindow(number=number, windows=point.windows, field="number")


async def _sit_down(staff_id: UUID, point: ServicePoint, number: int, categories: tuple[str, ...]) -> Window:
    service_point = point.key
    async with db.transaction():
        window = Window(service_point_id=service_point, number=number)
        mine_or_wanted = Q(staff_id=staff_id) | Q(service_point_id=service_point, number=number)
        for row in await Window.filter(mine_or_wanted).order_by("id").select_for_update():
            if (row.service_point_id, row.number) == (service_point, number):
                window = row
            else:
                await _stand_up(row)
        if window.staff_id not in {None, staff_id}:
            await window.fetch_related("staff")
            if window.staff is not None and _may_keep(window.staff, point):
                raise WindowTaken(number=number, title=window.staff.title, field="number")
        await _end_pause(window)
        if window.staff_id != staff_id:
            window.staff_id, window.opened_at = staff_id, clock.now()
        window.categories = list(categories)
        await window.save()
        await _keep_shift(window, staff_id)
    return window


async def _keep_shift(window: Window, staff_id: UUID) -> Shift:
    """A shift is of one person for the same businesses; of others the next begins, and a pause goes on in it."""
    businesses = list(businesses_of(window.categories, window.skills))
    shift = await Shift.get_or_none(window_id=window.id, ended_at=None)
    if shift is not None and shift.staff_id == staff_id and sorted(shift.categories) == sorted(businesses):
        return shift
    now = clock.now()
    await _end_shift(window, now)
    shift = await Shift.create(window_id=window.id, staff_id=staff_id, began_at=now, categories=businesses)
    if window.paused_at is not None:
        await Pause.create(shift_id=shift.id, began_at=now)
    return shift


def _may_keep(sitting: Staff, point: ServicePoint) -> bool:
    """Whoever was shown the door, or moved to other work or another part of the city, does not keep a window."""
    works_here = point.division_code.startswith(sitting.division_code)
    return sitting.active and Role.WINDOW_ACCEPTOR in sitting.roles and works_here


async def close_window(actor: Actor) -> Window:
    """Leave the window one sits at; who is hung may be resumed at another. Raises `NoWindowOpen` or `WindowBusy`."""
    async with db.transaction():
        actor.staff_id(Role.WINDOW_ACCEPTOR)
        window = await locked_window_of(actor)
        await _stand_up(window)
    return window


async def _stand_up(window: Window) -> None:
    await check_free(window)
    await _end_pause(window)
    await _end_shift(window, clock.now())
    window.staff_id = None
    window.opened_at = None
    await window.save(update_fields=["staff_id", "opened_at", "paused_at", "pause_reason"])


async def _end_shift(window: Window, now: datetime) -> None:
    await _open_pauses(window).update(ended_at=now)
    await Shift.filter(window_id=window.id, ended_at=None).update(ended_at=now)


async def _end_pause(window: Window) -> None:
    await _open_pauses(window).update(ended_at=clock.now())
    window.paused_at, window.pause_reason = None, ""


def _open_pauses(window: Window) -> QuerySet[Pause]:
    return Pause.filter(shift__window_id=window.id, ended_at=None)


async def pause_window(actor: Actor, reason: str) -> Window:
    """Call nobody for a while; who is at the window is served to the end. Again only changes the reason.

    Raises `NotAllowed`, `NoWindowOpen` or `InvalidInput`.
    """
    staff_id = actor.staff_id(Role.WINDOW_ACCEPTOR)
    said = reason.strip()
    if not 1 <= len(said) <= _LONGEST_REASON or not said.isprintable():
        raise InvalidInput(
            field="reason", reason_zh="请填写1至60个字的暂停原因", reason_en="say in 1 to 60 characters why"
        )
    async with db.transaction():
        window = await locked_window_of(actor)
        if window.paused_at is None:
            shift = await _keep_shift(window, staff_id)
            window.paused_at = clock.now()
            await Pause.create(shift_id=shift.id, began_at=window.paused_at)
        window.pause_reason = said
        await window.save(update_fields=["paused_at", "pause_reason"])
        await audit.record(actor, "queue.window_paused", f"window:{window.id}")
    return window


async def unpause_window(actor: Actor) -> Window:
    """End the pause of one's window; without one nothing changes. Raises `NotAllowed` or `NoWindowOpen`."""
    actor.staff_id(Role.WINDOW_ACCEPTOR)
    async with db.transaction():
        window = await locked_window_of(actor)
        if window.paused_at is not None:
            await _end_pause(window)
            await window.save(update_fields=["paused_at", "pause_reason"])
            await audit.record(actor, "queue.window_unpaused", f"window:{window.id}")
    return window


async def set_window_skills(actor: Actor, service_point: str, number: int, skills: Mapping[str, int]) -> Window:
    """Say which businesses a window takes, 1 before 2; nothing for all alike. It holds from the next call on.

    For the manager of a hall in their part of the city. Raises `NotAllowed`, `NotFound`, `NoSuchWindow` or
    `SkillsInvalid`.
    """
    actor.staff_id(Role.DEPARTMENT_MANAGER)
    point = await service_point_for(actor, service_point)
    _check_number(point, number)
    check_skills(skills, point.queue_categories)
    async with db.transaction():
        await Window.get_or_create({"categories": []}, service_point_id=point.key, number=number)
        window = await Window.filter(service_point_id=point.key, number=number).select_for_update().get()
        window.skills = dict(skills)
        await window.save(update_fields=["skills"])
        if window.staff_id is not None:
            await _keep_shift(window, window.staff_id)
        await audit.record(actor, "queue.skills_set", f"window:{window.id}", detail={"skills": dict(skills)})
    return window


async def close_left_open() -> int:
    """Close the windows that somebody left open before today, once nobody is at them; gives how many."""
    since_midnight = clock.at_local(clock.today(), 0)
    closed = 0
    for row in await Window.filter(opened_at__lt=since_midnight).order_by("id"):
        async with db.transaction():
            window = await Window.filter(id=row.id).select_for_update().get()
            if window.opened_at == row.opened_at and await ticket_at(window.id) is None:
                await _stand_up(window)
                closed += 1
    return closed
