"""Without this package nobody could log in: it plays api.weixin.qq.com for one mini-program."""

from __future__ import annotations

from starlette.routing import Route

from integrations.sandbox.front import provider_route
from integrations.sandbox.wechat import face, links, login, messages, texts, tokens
from integrations.sandbox.wechat.control import control_routes
from integrations.sandbox.wechat.events import EventChannel
from integrations.sandbox.wechat.wire import WECHAT
from integrations.sandbox.world import World

__all__ = ["EventChannel", "control_routes", "routes"]

ENDPOINTS = {
    "/cgi-bin/stable_token": tokens.stable_token,
    "/cgi-bin/token": tokens.legacy_token,
    "/sns/jscode2session": login.code_to_session,
    "/wxa/business/getuserphonenumber": login.phone_number,
    "/wxa/checksession": login.check_session,
    "/cgi-bin/message/subscribe/send": messages.send,
    "/wxa/msg_sec_check": texts.check,
    "/wxaapi/newtmpl/gettemplate": messages.list_templates,
    "/wxa/generate_urllink": links.generate_url_link,
    "/wxa/getwxacodeunlimit": links.draw_code,
    "/cityservice/face/identify/getverifyid": face.get_verify_id,
    "/cityservice/face/identify/queryverifyinfo": face.query_verify_info,
}


def routes(world: World) -> list[Route]:
    """A wrong method is no HTTP error here but errcode 43001 or 43002, so every endpoint hears them all."""
    return [
        *(provider_route(world, WECHAT, path, handler) for path, handler in ENDPOINTS.items()),
        provider_route(world, WECHAT, "/urllink/{token}", links.open_url_link, methods=["GET"]),
    ]
