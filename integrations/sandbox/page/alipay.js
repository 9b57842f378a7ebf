// Without this module nobody who comes from Alipay would be on the page.

import { button, make, tag } from "./parts.js";

const OUTCOMES = { pass: ["已通过", "good"], fail: ["未通过", "bad"], cancel: ["已取消，可再试", "warn"] };

export function alipayUserRow(user, act) {
  return make("li", {},
    make("div", { class: "title" }, make("b", {}, user.name), make("span", { class: "mono" }, user.mobile)),
    make("div", { class: "mono" }, `open_id ${user.open_id}`),
    make("div", { class: "mono meta" }, `user_id ${user.user_id} · 身份证 ${user.id_number}`),
    make("div", { class: "row" },
      button("授权码 auth code", () => act.alipayCode(user)),
      button("手机号 getPhoneNumber", () => act.alipayPhone(user)),
      button("复制 open_id", () => act.copy(user.open_id, "open_id"))));
}

const STATES = {
  WAIT_BUYER_PAY: ["未支付", ""], TRADE_SUCCESS: ["已支付", "good"], TRADE_FINISHED: ["已完结", "good"],
  TRADE_CLOSED: ["已关闭", "bad"],
};

export function tradeRow(trade, act) {
  const [word, kind] = STATES[trade.trade_status];
  const row = make("li", {},
    make("div", { class: "title" }, make("b", {}, `${trade.subject} ¥${(trade.total / 100).toFixed(2)}`), tag(word, kind)),
    make("div", { class: "mono meta" }, `${trade.out_trade_no} · tradeNO ${trade.trade_no}`));
  for (const refund of trade.refunds) {
    row.append(make("div", { class: "meta" }, `退款 ¥${refund.refund_amount} ${refund.through ? "已到账" : "处理中"}`));
  }
  const buttons = make("div", { class: "row" });
  if (trade.trade_status === "WAIT_BUYER_PAY") {
    buttons.append(
      button("支付 Pay", () => act.tradePay(trade, "ok"), "primary"),
      button("取消 Cancel", () => act.tradePay(trade, "cancel")));
  } else if (trade.paid_at) {
    buttons.append(button("再通知 Notify", () => act.tradeNotify(trade, "normal")));
  }
  buttons.append(
    button("伪造通知 Forge", () => act.tradeNotify(trade, "forged")),
    button("错额 Wrong sum", () => act.tradeNotify(trade, "wrong_amount")));
  row.append(buttons);
  return row;
}

export function certificationRow(check, act) {
  const isFinal = check.outcome === "pass" || check.outcome === "fail";
  const [word, kind] = check.expired && !isFinal ? ["已过期", "bad"] : OUTCOMES[check.outcome] ?? ["待验证", "warn"];
  const row = make("li", {},
    make("div", { class: "title" }, make("b", {}, check.cert_name), tag(word, kind)),
    make("div", { class: "mono meta" }, `certify_id ${check.certify_id} · 打开 ${check.opened} 次`));
  if (!isFinal && !check.expired) {
    row.append(make("div", { class: "row" },
      button("通过 Pass", () => act.certify(check, "pass"), "primary"),
      button("不通过 Fail", () => act.certify(check, "fail")),
      button("取消 Cancel", () => act.certify(check, "cancel"))));
  }
  return row;
}
