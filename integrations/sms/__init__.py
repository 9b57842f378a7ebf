"""Without this package who has no host app would not hear of a closed session: text messages by the city's gateway."""

from __future__ import annotations

from app.kernel import ports
from app.kernel.callbacks import CallbackReader
from app.kernel.http import OutboundClient
from app.messages.ports import MessageChannel
from integrations.sms.api import SmsApi
from integrations.sms.health import SmsHealth
from integrations.sms.messages import SmsMessages
from integrations.sms.reports import SmsReports
from integrations.sms.settings import read_settings


def connect(http: OutboundClient) -> None:
    """Read `SMS_*` and fulfil our ports; leaves the program with sentences when a setting is not usable."""
    settings = read_settings()
    api = SmsApi(http, settings)
    ports.register(MessageChannel, "sms", SmsMessages(api))
    ports.register(CallbackReader, "sms/reports", SmsReports(settings))
    ports.register(ports.HealthCheck, "sms", SmsHealth(api))
