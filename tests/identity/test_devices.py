from __future__ import annotations

from datetime import timedelta

import pytest

from app.catalogue.equipment import devices_for, register_device, revoke_device
from app.identity.errors import SessionEnded
from app.identity.models import Device, DeviceKind
from app.identity.queries import _Recent, actor_of
from app.identity.rules import Role
from app.identity.tokens import make_device_token, read_access_token, read_device_token, read_refresh_token
from app.kernel import clock, db
from app.kernel.actor import Actor, ActorKind, Scope
from app.kernel.errors import InvalidInput, NotAllowed, NotFound, NotSignedIn
from tests.identity.accounts import caller_of, make_resident, make_staff
from tests.identity.traces import audit_of, nothing_moves
from tests.portal import Portal

SYSTEM = Role.SYSTEM_ADMINISTRATOR


async def test_a_machine_is_put_up_once_and_speaks_with_a_token_nobody_else_can_read(portal: Portal) -> None:
    admin = await caller_of(portal, await make_staff(SYSTEM))

    made = await admin.do("RegisterDevice", kind="SCANNER", servicePoint="wangyue-hall", name=" 东门扫码机 ")

    device, token = made["device"], made["token"]
    assert (device["kind"], device["servicePoint"], device["name"]) == ("SCANNER", "wangyue-hall", "东门扫码机")
    actor = await actor_of(token)
    assert (actor.kind, actor.roles, actor.place) == (ActorKind.DEVICE, frozenset({"SCANNER"}), "wangyue-hall")
    assert (str(actor.device(DeviceKind.SCANNER).id), actor.device().place) == (device["id"], "wangyue-hall")
    assert token not in str((await Device.get(id=device["id"])).token_hash)
    assert await audit_of(f"device:{device['id']}") == [("identity.device_registered", "done")]


async def test_a_machine_is_nobody_else() -> None:
    machine = Actor(ActorKind.DEVICE, db.new_id(), roles=frozenset({"KIOSK"}), place="city-hall")
    with pytest.raises(NotAllowed):
        machine.device(DeviceKind.SCANNER)
    with pytest.raises(NotSignedIn):
        machine.staff_id()
    with pytest.raises(NotSignedIn):
        machine.resident_id()
    staff = Actor(ActorKind.STAFF, db.new_id(), roles=frozenset({"KIOSK"}))
    with pytest.raises(NotAllowed):
        staff.device(DeviceKind.KIOSK)


async def test_a_revoked_machine_is_out_at_once_here_and_within_half_a_minute_elsewhere(portal: Portal) -> None:
    admin = await make_staff(SYSTEM)
    registered = await register_device(admin, DeviceKind.SCREEN, "city-hall", "大屏")
    another_process = _Recent()
    await actor_of(registered.token, another_process)

    revoked = await revoke_device(admin, registered.device.id)

    assert revoked.revoked_at is not None
    with pytest.raises(SessionEnded):
        await actor_of(registered.token)
    assert (await actor_of(registered.token, another_process)).id == registered.device.id
    [(_, actor)] = another_process._seen.values()
    another_process._seen[registered.device.id] = (-31.0, actor)
    with pytest.raises(SessionEnded):
        await actor_of(registered.token, another_process)
    async with nothing_moves():
        assert (await revoke_device(admin, registered.device.id)).revoked_at == revoked.revoked_at
    assert await audit_of(f"device:{registered.device.id}") == [
        ("identity.device_registered", "done"),
        ("identity.device_revoked", "done"),
    ]


async def test_when_a_machine_was_seen_is_noted_once_a_minute(portal: Portal) -> None:
    registered = await register_device(await make_staff(SYSTEM), DeviceKind.KIOSK, "city-hall", "取号机")
    now = clock.now()
    seen = []
    for seconds in (0, 59, 60):
        with clock.standing_at(now + timedelta(seconds=seconds)):
            await actor_of(registered.token, _Recent())
        seen.append((await Device.get(id=registered.device.id)).seen_at)
    assert seen == [now, now, now + timedelta(seconds=60)]


async def test_a_token_of_one_purpose_is_no_token_of_another(portal: Portal) -> None:
    token = make_device_token(db.new_id())
    assert (read_access_token(token), read_refresh_token(token)) == (None, None)
    assert read_device_token(token) is not None
    assert read_device_token(token[:-2] + ("AA" if token[-2:] != "AA" else "BB")) is None
    with pytest.raises(SessionEnded):
        await actor_of(token)  # ours, but of a device that was never registered


async def test_a_second_token_for_the_same_machine_is_worth_nothing(portal: Portal) -> None:
    """Only the one whose hash is kept."""
    registered = await register_device(await make_staff(SYSTEM), DeviceKind.KIOSK, "city-hall", "取号机")
    with pytest.raises(SessionEnded):
        await actor_of(make_device_token(registered.device.id), _Recent())


async def test_machines_are_administered_in_ones_part_of_the_city(portal: Portal) -> None:
    admin = await make_staff(SYSTEM, scope=Scope(None, "990103"))
    theirs = await register_device(await make_staff(SYSTEM), DeviceKind.SCREEN, "marriage-office", "大屏")
    mine = await register_device(admin, DeviceKind.SCREEN, "wangyue-hall", "大屏")
    async with nothing_moves():
        for place in ("marriage-office", "no-such-hall"):
            with pytest.raises(NotFound):
                await register_device(admin, DeviceKind.SCREEN, place, "大屏")
        for device_id in (theirs.device.id, db.new_id()):
            with pytest.raises(NotFound):
                await revoke_device(admin, device_id)
    seen = {device.id for device in (await devices_for(admin, limit=50, after=None)).devices}
    assert mine.device.id in seen
    assert theirs.device.id not in seen


async def test_the_list_goes_page_by_page(portal: Portal) -> None:
    admin = await make_staff(SYSTEM, scope=Scope(None, "990102001"))
    made = [await register_device(admin, DeviceKind.SCREEN, "donghu-station", f"屏{number}") for number in range(3)]
    caller, seen, after = await caller_of(portal, admin), [], None
    while True:
        page = await caller.do("Devices", first=2, after=after)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == sorted(str(one.device.id) for one in made)
    assert (await caller.do("RevokeDevice", id=seen[0]))["revokedAt"] is not None


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "换\n行"])
async def test_a_machine_has_a_name(portal: Portal, name: str) -> None:
    admin = await make_staff(SYSTEM)
    async with nothing_moves():
        with pytest.raises(InvalidInput):
            await register_device(admin, DeviceKind.SCREEN, "city-hall", name)


async def test_nobody_but_a_system_administrator_puts_machines_up(portal: Portal) -> None:
    """Over HTTP too, a resident and another role alike."""
    for who in (await make_resident(), await make_staff(Role.SECURITY_ADMINISTRATOR)):
        caller = await caller_of(portal, who)
        refused = await caller.do("RegisterDevice", kind="SCREEN", servicePoint="city-hall", name="大屏")
        assert refused["code"] == "NOT_ALLOWED"
