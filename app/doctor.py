"""Without this module "it does not work" would be the start of an afternoon instead of one line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg.errors import UndefinedTable

from app import migrating, wiring
from app.identity.passwords import password_matches
from app.identity.rules import Role
from app.kernel import db, ports, redis
from app.kernel.clock import local
from app.kernel.http import OutboundClient
from app.kernel.settings import Settings, SettingsInvalid
from app.payments.receipts.seal import expires_at, is_set
from app.reachability import database_fault, place, redis_fault
from app.seeding import DEV_PASSWORD, dev_login

_SECONDS = 10.0
_WARNING_DAYS = 30
_WORKERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '30 seconds'"
_LATE = """
    SELECT count(*) FROM procrastinate_jobs AS job
    WHERE status = 'todo' AND now() - interval '5 minutes' > coalesce(
        scheduled_at, (SELECT max(at) FROM procrastinate_events WHERE job_id = job.id))
"""
_OPEN_ACCOUNTS = "SELECT login, password_hash FROM staff WHERE active AND login = ANY(%s) ORDER BY login"
_DEAD = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was asked, whether it works, and what to do when it does not."""

    what: str
    works: bool
    detail: str
    advice: str = ""
    warns: bool = False
    """It works today, and somebody has something to do."""

    def line(self, width: int) -> str:
        """For people, with the detail beginning in column `width`; the advice has a line of its own."""
        mark = "✗" if not self.works else "!" if self.warns else "✓"
        advice = f"\n{'':<{width}}→ {self.advice}" if self.advice and (self.warns or not self.works) else ""
        return f"{f'{mark} {self.what}':<{width}}{self.detail}{advice}"


async def examine(settings: Settings) -> list[Finding]:
    """Ask every part at once; each has ten seconds, and none needs another one to answer."""
    asked: dict[str, Callable[[Settings], Awaitable[list[Finding]]]] = {
        "database": _ask_database,
        "migrations": _ask_migrations,
        "redis": _ask_redis,
        "worker": _ask_worker,
        "providers": _ask_providers,
        "seal": _ask_seal,
    }
    if settings.in_production:
        asked["default accounts"] = _ask_default_accounts
    http = OutboundClient()
    try:
        if fault := _provider_fault(settings, http):
            asked["providers"] = partial(_tell, Finding("providers", False, fault))
        answers = await asyncio.gather(*(_patiently(what, ask(settings)) for what, ask in asked.items()))
    finally:
        await http.close()
        await redis.disconnect()
    return [finding for findings in answers for finding in findings]


def _provider_fault(settings: Settings, http: OutboundClient) -> str:
    """Why providers cannot be asked. Before anybody is: loading them takes seconds in which no answer is heard."""
    try:
        if settings.providers:
            wiring.connect_providers(http)
    except SettingsInvalid as fault:
        return str(fault)
    return ""


async def _tell(finding: Finding, _settings: Settings) -> list[Finding]:
    return [finding]


async def _patiently(what: str, asking: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_SECONDS):
            return await asking
    except TimeoutError:
        return [Finding(what, False, f"no answer within {_SECONDS:.0f} seconds")]
    except UndefinedTable:
        return [Finding(what, False, "its tables are missing", "run `portal migrate`")]
    except (psycopg.Error, OSError):
        return [Finding(what, False, "cannot be asked while the database does not answer")]


async def _ask_database(settings: Settings) -> list[Finding]:
    if fault := await database_fault(settings.database_url):
        return [Finding("database", False, fault)]
    version = await _number(settings, "SELECT current_setting('server_version_num')::int / 10000")
    return [Finding("database", True, f"PostgreSQL {version} at {place(settings.database_url, 5432)}")]


async def _ask_migrations(settings: Settings) -> list[Finding]:
    missing = await migrating.pending(settings.database_url)
    if missing:
        return [Finding("migrations", False, f"missing: {', '.join(missing)}", "run `portal migrate`")]
    return [Finding("migrations", True, f"all {len(migrating.known())} applied")]


async def _ask_redis(settings: Settings) -> list[Finding]:
    if not settings.redis_url:
        return [Finding("redis", False, "PORTAL_REDIS_URL is not set", "start `make run`, or set it")]
    if fault := await redis_fault(settings.redis_url):
        return [Finding("redis", False, fault)]
    return [Finding("redis", True, f"answers at {place(settings.redis_url, 6379)}")]


async def _ask_worker(settings: Settings) -> list[Finding]:
    alive, late, dead = [await _number(settings, question) for question in (_WORKERS, _LATE, _DEAD)]
    return [
        Finding("worker", alive > 0, f"{alive} alive", "start one with `portal worker`"),
        Finding(
            "jobs",
            late == 0,
            f"{late} waiting for more than five minutes",
            "start more workers, or read the worker's log",
        ),
        Finding("dead letters", dead == 0, f"{dead} given up", "see docs/operations.md, section Dead letters"),
    ]


async def _ask_default_accounts(settings: Settings) -> list[Finding]:
    """A database that was once seeded in development has accounts whose password everybody can read here."""
    conninfo = db.libpq_url(settings.database_url)
    async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=5) as connection:
        found = await connection.execute(_OPEN_ACCOUNTS, [[dev_login(role) for role in Role]])
        accounts = await found.fetchall()
    left = [login for login, stored in accounts if await password_matches(DEV_PASSWORD, stored)]
    advice = "let a system administrator close them (DisableStaff); seed production only with PORTAL_ENV=production"
    told = f"open with the password of development: {', '.join(left)}" if left else "none is open"
    return [Finding("default accounts", not left, told, advice)]


async def _ask_providers(settings: Settings) -> list[Finding]:
    if not settings.providers:
        return [Finding("providers", True, "none is switched on (PORTAL_PROVIDERS)")]
    checks = ports.every(ports.HealthCheck)
    answers = await asyncio.gather(*(_ask_provider(code, check) for code, check in checks.items()))
    return [*answers, *certificate_findings(datetime.now(UTC))]


async def _ask_provider(code: str, health: ports.HealthCheck) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS - 1):
            return Finding(health.name, True, await health.check())
    except ports.NeedsAttention as attention:
        return Finding(health.name, True, str(attention), attention.advice, warns=True)
    except TimeoutError:
        reason = "no answer"
    except Exception as error:  # noqa: BLE001 - an adapter may fail in any way; that is what is asked here
        reason = str(error) or type(error).__name__
    advice = f"check the network and the {code.upper()}_* settings (integrations/{code}/README.md)"
    return Finding(health.name, False, reason, advice)


def certificate_findings(now: datetime) -> list[Finding]:
    """What of the live providers' ends, ours and theirs; ask after their health, which has certificates fetched."""
    findings = []
    for code, adapter in ports.every(ports.Expiring).items():
        by_name: dict[str, list[ports.Term]] = {}
        for term in adapter.terms():
            by_name.setdefault(term.name, []).append(term)
        findings += [_certificate_finding(code, name, terms, now) for name, terms in by_name.items()]
    return findings


def _certificate_finding(code: str, name: str, terms: Sequence[ports.Term], now: datetime) -> Finding:
    """Certificates of one name stand for one another: what counts is the one that ends last."""
    what = f"{code} {name}"
    advice = f"change it as docs/operations.md says, section Providers' keys (integrations/{code}/README.md)"
    last = max((term.ends for term in terms if term.ends is not None), default=None)
    if last is None:
        return Finding(what, True, "nobody told us when it ends", advice, warns=True)
    over = sum(term.ends is not None and term.ends <= now for term in terms)
    beside = f"; {over} beside it ended and can be taken out of the settings" if over else ""
    return _end_finding(what, last, now, advice, beside)


def _end_finding(what: str, ends: datetime, now: datetime, advice: str, beside: str = "") -> Finding:
    """Warns thirty days before; `beside` is what else there is to do."""
    days = math.floor((ends - now) / timedelta(days=1))
    if ends <= now:
        return Finding(what, False, f"ended on {local(ends):%Y-%m-%d}", advice)
    detail = f"ends on {local(ends):%Y-%m-%d}, in {days} days{beside}"
    return Finding(what, True, detail, advice, warns=bool(beside) or days < _WARNING_DAYS)


async def _ask_seal(settings: Settings) -> list[Finding]:
    return [seal_finding(settings, datetime.now(UTC))]


def seal_finding(settings: Settings, now: datetime) -> Finding:
    """Only workers hold it, so that its absence is no fault where the doctor is asked: they say so themselves."""
    try:
        if not is_set():
            kept = "only workers hold it" if settings.in_production else "receipts get one that is worth nothing"
            return Finding("seal", True, f"not set here (PORTAL_SEAL_*): {kept}")
        ends = expires_at()
    except SettingsInvalid as fault:
        return Finding("seal", False, str(fault), "see docs/operations.md, section Settings")
    advice = "set a new one (PORTAL_SEAL_*) and restart the workers; keep what was signed before"
    return _end_finding("seal", ends, now, advice)


async def _number(settings: Settings, question: str) -> int:
    conninfo = db.libpq_url(settings.database_url)
    async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=5) as connection:
        found = await (await connection.execute(question.encode())).fetchone()
    return int(found[0]) if found else 0
