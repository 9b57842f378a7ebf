"""Situations a resident can be in with what they wrote."""

from __future__ import annotations

from app.kernel.errors import Refusal


class TextNotAllowed(Refusal):
    code = "TEXT_NOT_ALLOWED"
    zh = "这段文字没有通过内容安全检查,请修改后再提交;认为有误的,可以到大厅窗口当面说明"
    en = "This text did not pass the content check; please reword it. If that is a mistake, tell a window in the hall."
