// Without this module the page would build its elements in one long string; text is always set as text.

export const WORDS = {
  NOTPAY: ["未支付", ""], SUCCESS: ["已支付", "good"], REFUND: ["有退款", "warn"], CLOSED: ["已关闭", "bad"],
};

export const STEPS = [
  ["picked_up", "揽收"], ["in_transit", "运输中"], ["at_destination", "到达网点"], ["out_for_delivery", "派送"],
  ["delivered", "本人签收"], ["awaiting_collection", "入柜待取"], ["delivery_failed", "派送失败"],
  ["delivered_by_other", "代签"], ["delivered_to_locker", "投柜签收"], ["refused", "拒收"],
  ["returning", "退回中"], ["returned", "已退回"], ["signed_by_sender", "寄件人签收"], ["unknown_code", "未知状态"],
];

export const DANGERS = [
  ["duplicate", "回调重复"], ["delay", "回调延迟"], ["reorder", "回调乱序"], ["drop", "回调丢失"],
  ["forge", "伪造回调"], ["wrong_amount", "金额错误"], ["server_error", "服务器错误"],
  ["error_after_effect", "生效后报错"], ["timeout", "请求超时"], ["garbage", "乱码应答"], ["sign_test", "验签探测"],
];

export const SWITCHES = [
  ["notify_by_itself", "支付后自动通知"], ["nonce_strict", "随机串不可重用"], ["public_key_only", "不提供平台证书"],
  ["sign_with_certificate", "用证书签通知"], ["not_enough", "退款余额不足"], ["early_bills", "当日可取账单"],
  ["query_lock", "查询锁 30 分钟"], ["https_callbacks", "允许 https 回调"],
  ["alipay_new_certificate", "支付宝已换证书"], ["alipay_slow_refunds", "支付宝退款慢"],
];

const AFTER = {
  picked_up: "in_transit", in_transit: "at_destination", at_destination: "out_for_delivery",
  out_for_delivery: "delivered", delivery_failed: "out_for_delivery", awaiting_collection: "delivered",
  refused: "returning", returning: "returned",
};

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") element.addEventListener("click", value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const button = (label, act, kind, title) => make("button", { on: act, type: "button", class: kind, title }, label);
export const tag = (label, kind) => make("span", { class: `tag ${kind}` }, label);
const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;

export function phoneRow(phone, act) {
  return make("li", {},
    make("div", { class: "title" }, make("b", {}, phone.name), make("span", { class: "mono" }, phone.mobile)),
    make("div", { class: "mono" }, `openid ${phone.openid}`),
    make("div", { class: "mono meta" }, `身份证 ${phone.id_number}`),
    make("div", { class: "row" },
      button("登录码 login", () => act.code(phone, "login-code")),
      button("手机号码 phone", () => act.code(phone, "phone-code")),
      button("复制 openid", () => act.copy(phone.openid, "openid")),
      button("开通支付宝 Alipay", () => act.alsoAlipay(phone), undefined, "同一个人的支付宝账户")));
}

export function faceRow(face, owner, act) {
  const pending = face.verify_ret === null && !face.expired;
  const passed = face.verify_ret === 10000;
  const state = pending ? tag("待核验", "warn") : face.verify_ret === null ? tag("已过期", "bad")
    : tag(passed ? "已通过" : `未通过 ${face.verify_ret}`, passed ? "good" : "bad");
  const row = make("li", {},
    make("div", { class: "title" }, make("b", {}, `${face.cert_name}（${owner}的手机）`), state),
    make("div", { class: "mono meta" }, `verify_id ${face.verify_id.slice(0, 24)}…`));
  if (pending) {
    row.append(make("div", { class: "row" },
      button("通过 Pass", () => act.face(face, 10000), "primary"),
      button("比对失败 10004", () => act.face(face, 10004)),
      button("用户取消 90002", () => act.face(face, 90002)),
      button("超时 90017", () => act.face(face, 90017))));
  }
  return row;
}

export function orderRow(order, act) {
  const [word, kind] = WORDS[order.trade_state];
  const row = make("li", {},
    make("div", { class: "title" }, make("b", {}, `${order.description} ${yuan(order.total)}`), tag(word, kind)),
    make("div", { class: "mono meta" }, order.out_trade_no));
  for (const refund of order.refunds) {
    row.append(make("div", { class: "meta" }, `退款 ${yuan(refund.amount.refund)} ${refund.status}`));
  }
  const buttons = make("div", { class: "row" });
  if (order.trade_state === "NOTPAY") {
    buttons.append(button("支付 Pay", () => act.pay(order, "ok"), "primary"), button("取消 Cancel", () => act.pay(order, "cancel")));
  } else if (order.trade_state !== "CLOSED") {
    buttons.append(button("再通知 Notify", () => act.notify(order, "normal")));
  }
  buttons.append(button("伪造通知 Forge", () => act.notify(order, "forged")), button("错额 Wrong sum", () => act.notify(order, "wrong_amount")));
  row.append(buttons);
  return row;
}

export function parcelRow(parcel, act) {
  const newest = parcel.rows[0];
  const label = newest ? STEPS.find(([step]) => step === newest.step)[1] : "未揽收";
  const next = newest ? AFTER[newest.step] : "picked_up";
  const steps = STEPS.map(([step, name]) => button(name, () => act.scan(parcel, step), step === next ? "next" : undefined, step));
  return make("li", {},
    make("div", { class: "title" }, make("b", { class: "mono" }, parcel.number), tag(label, parcel.finished ? "good" : "")),
    make("div", { class: "meta" }, `${parcel.carrier} · ${parcel.rows.length} 条轨迹 · ${parcel.subscriptions.length} 个订阅`),
    newest ? make("div", { class: "meta" }, newest.text) : "",
    make("div", { class: "row steps" }, ...steps));
}

export function journalRow(entry) {
  const good = ["ok", "accepted", "closed", "bill"].includes(entry.verdict);
  const fate = entry.fate ? [" ", tag(entry.fate, "warn")] : [];
  return make("tr", {},
    make("td", { class: "mono" }, new Date(entry.at * 1000).toLocaleTimeString("zh-CN", { hour12: false })),
    make("td", {}, entry.direction === "callback" ? tag("回调", "") : tag("请求", "good")),
    make("td", {}, entry.provider),
    make("td", { class: "wrap" }, make("span", { class: "mono" }, entry.what), make("span", { class: "meta mono" }, entry.detail)),
    make("td", { class: "mono" }, entry.status || "–"),
    make("td", { class: "wrap" }, tag(entry.verdict, good ? "good" : "bad"), ...fate));
}
