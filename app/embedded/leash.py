"""Without this module a server started for development could outlive the program that started it.

A leashed process is ended by the kernel when its parent dies, whatever killed the parent (Linux). As root it may
also become somebody else first, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1

_on_linux = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class Account:
    """An unprivileged system account."""

    uid: int
    gid: int

    def become(self) -> None:
        """Turn this process into the account's, for good.

        On Linux it may still pass folders such as a `/root` closed to others, so that a checkout anywhere
        works without loosening anybody's permissions.
        """
        os.setgroups([])
        os.setgid(self.gid)
        if _on_linux:
            _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            # Without this, access(2), which PostgreSQL asks, would deny what open(2) allows.
            _libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setuid(self.uid)
        if _on_linux:
            _give_up_all_but_passing_folders()


def _give_up_all_but_passing_folders() -> None:
    if _keep_capabilities(1 << _CAP_DAC_OVERRIDE):
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    else:
        _keep_capabilities(0)


def _keep_capabilities(bits: int) -> bool:
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    wanted = (_CapabilitySet * 2)(_CapabilitySet(bits, bits, bits), _CapabilitySet(0, 0, 0))
    return bool(_libc.capset(ctypes.byref(header), ctypes.byref(wanted)) == 0)


def account_for(directory: Path) -> Account | None:
    """Who must own and use `directory`: nobody in particular unless we are root, then its owner or `nobody`."""
    if os.geteuid() != 0:
        return None
    if directory.exists() and (owner := directory.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def leashed(end_with: Signals, account: Account | None = None) -> Callable[[], None]:
    """What `subprocess` must call in the new process before it becomes the program.

    The kernel watches the *thread* that starts the process: start leashed processes from one that lives as
    long as they should, normally the main one.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if account is not None:
            account.become()
        if _on_linux:
            _libc.prctl(_PR_SET_PDEATHSIG, int(end_with), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return before_exec
