"""Without this module what is verified and what is read could be two different things."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.alipay.answers import AnswerUnreadable, GatewayAnswer, read_answer

METHOD = "alipay.trade.query"
NODE = "alipay_trade_query_response"


def test_a_node_is_cut_wherever_it_stands() -> None:
    node = r'{ "a" : "\\\"}{", "b":[{}, "\/"] }'
    for text in (
        f'{{"{NODE}":{node},"sign":"s"}}',
        f'{{"sign":"s","{NODE}":{node}}}',
        f' {{ "{NODE}" :\n{node} , "sign"\t: "s" }} \r\n',
    ):
        content = {"a": '\\"}{', "b": [{}, "/"]}
        assert read_answer(text.encode(), METHOD) == GatewayAnswer(node, content, False, "s", None)


def test_certificate_mode_names_the_certificate() -> None:
    answer = read_answer(f'{{"{NODE}":{{}},"alipay_cert_sn":"abc","sign":"s"}}'.encode(), METHOD)
    assert (answer.cert_sn, answer.sign) == ("abc", "s")


def test_an_error_may_come_without_a_signature() -> None:
    answer = read_answer(b'{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}', METHOD)
    assert (answer.is_error, answer.sign, answer.content["code"]) == (True, None, "40002")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'{{"{NODE}":{{"a":1}},"{NODE}":{{"a":2}},"sign":"s"}}', "not-json"),
        (f'{{"{NODE}":{{}},"sign":"s","sign":"t"}}', "not-json"),
        (f'{{"{NODE}":{{}},"\\u0073ign":"t","sign":"s"}}', "not-json"),
        (f'{{"{NODE}":{{}},"sign":"s"}}{{"{NODE}":{{"a":2}}}}', "not-json"),
        (f'{{"{NODE}":{{}},"sign":"s"', "not-json"),
        (f'{{"{NODE}":{{}},"sign":"s",}}', "not-json"),
        (f'{{"{NODE}":{{}} "sign":"s"}}', "not-json"),
        (f'[{{"{NODE}":{{}},"sign":"s"}}]', "not-json"),
        ('{"a":' * 100_000, "not-json"),
        ("", "not-json"),
        ("{", "not-json"),
        ("{}", "not-json"),
        ("<html><body>502</body></html>", "not-json"),
        ('{"sign":"s"}', "no-node"),
        ('{"alipay_trade_pay_response":{},"sign":"s"}', "no-node"),
        (f'{{"{NODE}":{{}},"error_response":{{}},"sign":"s"}}', "two-nodes"),
        (f'{{"{NODE}":[],"sign":"s"}}', "node-of-another-kind"),
        (f'{{"{NODE}":null,"sign":"s"}}', "node-of-another-kind"),
        ('{"error_response":"text"}', "node-of-another-kind"),
        (f'{{"{NODE}":{{}},"sign":1}}', "sign-is-no-text"),
        (f'{{"{NODE}":{{}},"sign":"s","alipay_cert_sn":[]}}', "alipay_cert_sn-is-no-text"),
    ],
)
def test_an_answer_of_another_shape_is_none(text: str, reason: str) -> None:
    with pytest.raises(AnswerUnreadable, match=f"^{reason}$"):
        read_answer(text.encode(), METHOD)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]":,\\ \na1se', max_size=60).map(str.encode))
def test_no_bytes_make_the_reader_fall(body: bytes) -> None:
    with pytest.raises(AnswerUnreadable):
        read_answer(body, METHOD)


@settings(deadline=None)
@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.dictionaries(st.text(), inner)))
def test_whatever_stands_inside_is_cut_whole(value: object) -> None:
    import json

    for node in (json.dumps({"v": value}), json.dumps({"v": value}, ensure_ascii=False, indent=1)):
        body = f'{{"{NODE}":{node},"sign":"s"}}'.encode("utf-8", "surrogatepass")
        assert read_answer(body, METHOD).node == node
