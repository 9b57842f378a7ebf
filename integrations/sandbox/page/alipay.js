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
