// Without this module the page would only show: it asks the control API every moment and carries out the buttons.

import { alipayUserRow, certificationRow, tradeRow } from "./alipay.js";
import { DANGERS, SWITCHES, faceRow, journalRow, make, orderRow, parcelRow, phoneRow } from "./parts.js";

const SHOWN = 50;
const $ = (id) => document.getElementById(id);
const seen = {};
let last = 0;
let entries = [];
let hideToast;

async function call(method, path, body) {
  const answer = await fetch(`/__ctl${path}`, {
    method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function say(text, bad = false) {
  $("toast").textContent = text;
  $("toast").className = bad ? "shown bad" : "shown";
  clearTimeout(hideToast);
  hideToast = setTimeout(() => { $("toast").className = ""; }, 5000);
}

function doing(work) {
  return (...details) => work(...details).then(refresh).catch((error) => say(error.message, true));
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`已复制 ${what}：${text}`);
  } catch {
    say(`${what}：${text}`);
  }
}

const replied = (replies) => replies.map((reply) => `${reply.status || reply.error} ${reply.body}`.trim()).join("；");

const act = {
  copy,
  code: doing(async (phone, kind) => copy((await call("POST", `/phones/${phone.openid}/${kind}`)).code, kind)),
  face: doing(async (face, verify_ret) => call("POST", `/phones/${face.openid}/face`, { verify_id: face.verify_id, verify_ret })),
  alipayCode: doing(async (user) => copy((await call("POST", `/alipay/users/${user.open_id}/auth-code`)).code, "auth code")),
  alipayPhone: doing(async (user) => copy((await call("POST", `/alipay/users/${user.open_id}/phone-response`)).response, "response")),
  alsoAlipay: doing(async ({ name, id_number, mobile }) => call("POST", "/alipay/users", { name, id_number, mobile })),
  certify: doing(async (check, outcome) => {
    const told = await call("POST", `/alipay/certifications/${check.certify_id}`, { outcome });
    say(`resultStatus ${told.result_status}`);
  }),
  tradePay: doing(async (trade, outcome) => say(`resultCode ${(await call("POST", `/alipay/trades/${trade.out_trade_no}/pay`, { outcome })).resultCode}`)),
  tradeNotify: doing(async (trade, mode) => say(`对方应答 ${replied(await call("POST", `/alipay/trades/${trade.out_trade_no}/notify`, { mode }))}`)),
  pay: doing(async (order, outcome) => say((await call("POST", `/orders/${order.out_trade_no}/pay`, { outcome })).errMsg)),
  notify: doing(async (order, mode) => say(`对方应答 ${replied(await call("POST", `/orders/${order.out_trade_no}/notify`, { mode }))}`)),
  scan: doing(async (parcel, step) => {
    const told = await call("POST", `/parcels/${parcel.number}/scan`, { step });
    say(`已扫描，推送给 ${told.pushed_to} 个订阅`);
  }),
};

function fill(id, rows, build, nothing) {
  const key = JSON.stringify(rows);
  if (seen[id] === key) return;
  seen[id] = key;
  const shown = rows.slice(-SHOWN).reverse().map(build);
  $(id).replaceChildren(...(shown.length ? shown : [make("li", { class: "empty" }, nothing)]));
}

function showHostility(mood) {
  const key = JSON.stringify(mood);
  if (seen.mood === key) return;
  seen.mood = key;
  const form = $("hostility-form");
  for (const [name] of DANGERS) { form[name].value = mood[name]; form[name].dispatchEvent(new Event("input")); }
  for (const [name] of SWITCHES) form[name].checked = mood[name];
  form.seed.value = mood.seed;
  form.haste.value = mood.haste;
}

function showState(mood, health) {
  const hostile = DANGERS.some(([name]) => mood[name] > 0);
  $("state").className = hostile ? "state hostile" : "state";
  $("state").textContent = `${hostile ? "有敌意 hostile" : "友善 kind"} · 待发回调 ${health.waiting}`;
}

async function showJournal() {
  const fresh = await call("GET", `/journal?after=${last}`);
  if (fresh.length) last = fresh.at(-1).id;
  entries = [...entries, ...fresh].slice(-200);
  const only = $("only-callbacks").checked;
  const key = `${last} ${only} ${entries.length}`;
  if (seen.journal === key) return;
  seen.journal = key;
  const shown = entries.filter((entry) => !only || entry.direction === "callback").reverse().map(journalRow);
  $("journal").replaceChildren(...shown);
}

async function refresh() {
  const [phones, faces, users, checks, trades, orders, parcels, mood, clock, health] = await Promise.all(
    ["/phones", "/faces", "/alipay/users", "/alipay/certifications", "/alipay/trades", "/orders", "/parcels", "/hostility", "/clock", "/health"]
      .map((path) => call("GET", path)));
  const owner = (openid) => phones.find((phone) => phone.openid === openid)?.name ?? "?";
  fill("phones", phones, (phone) => phoneRow(phone, act), "还没有手机，先造一部。No phone yet.");
  fill("faces", faces, (face) => faceRow(face, owner(face.openid), act), "暂无核验请求。None asked for.");
  fill("alipay-users", users, (user) => alipayUserRow(user, act), "还没有支付宝用户。No Alipay user yet.");
  fill("certifications", checks, (check) => certificationRow(check, act), "暂无验证请求。None asked for.");
  fill("trades", trades, (trade) => tradeRow(trade, act), "产品还没有创建交易。No trade yet.");
  fill("orders", orders, (order) => orderRow(order, act), "产品还没有下单。No order yet.");
  fill("parcels", parcels, (parcel) => parcelRow(parcel, act), "还没有包裹。No parcel yet.");
  $("openids").replaceChildren(...phones.map((phone) => make("option", { value: phone.openid }, phone.name)));
  showHostility(mood);
  showState(mood, health);
  $("clock").textContent = clock.now.replace("T", " ").slice(0, 16);
  await showJournal();
}

function buildHostility() {
  for (const [name, label] of DANGERS) {
    const output = make("output", {}, "0%");
    const slider = make("input", { type: "range", name, min: 0, max: 1, step: 0.01, value: 0 });
    const box = make("label", {}, make("span", {}, `${label} `, make("small", {}, name)), output, slider);
    slider.addEventListener("input", () => {
      output.textContent = `${Math.round(slider.value * 100)}%`;
      box.classList.toggle("on", slider.value > 0);
    });
    $("sliders").append(box);
  }
  for (const [name, label] of SWITCHES) {
    $("switches").append(make("label", {}, make("input", { type: "checkbox", name }), make("span", {}, `${label} `, make("small", {}, name))));
  }
}

const buttons = {
  "make-phone": () => call("POST", "/phones", {}),
  "add-alipay-user": () => call("POST", "/alipay/users", {}),
  hostile: () => call("POST", "/hostility", Object.fromEntries(DANGERS.map(([name]) => [name, 0.2]))),
  kind: () => call("DELETE", "/hostility"),
  clock: (data) => call("POST", "/clock", { advance: Number(data.seconds) }),
  reset: async () => {
    if (!confirm("清空全部记录？密钥保留。")) return;
    await call("POST", "/reset");
    entries = [];
    last = 0;
    seen.journal = "";
  },
};

for (const element of document.querySelectorAll("[data-do]")) {
  element.addEventListener("click", () => doing(buttons[element.dataset.do])(element.dataset));
}

function onSubmit(id, work) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    doing(work)(new FormData(event.target), event.submitter);
  });
}

onSubmit("pay-form", async (form, pressed) => {
  let payment;
  try {
    payment = JSON.parse(form.get("payment"));
  } catch {
    throw new Error("参数不是 JSON。The parameters are not JSON.");
  }
  const { timeStamp, nonceStr, package: prepay, signType, paySign } = payment;
  const wanted = { openid: form.get("openid"), timeStamp, nonceStr, package: prepay, signType, paySign, outcome: pressed.value };
  say((await call("POST", "/pay", wanted)).errMsg);
});

onSubmit("parcel-form", (form) =>
  call("POST", `/parcels/${form.get("number")}/scan`, { step: "picked_up", carrier: form.get("carrier") }));

onSubmit("hostility-form", async (form) => {
  const numbers = [...DANGERS.map(([name]) => name), "haste"].map((name) => [name, Number(form.get(name))]);
  const switches = SWITCHES.map(([name]) => [name, form.get(name) === "on"]);
  await call("POST", "/hostility", Object.fromEntries([...numbers, ...switches, ["seed", Number(form.get("seed"))]]));
  say("已应用 Applied");
});

async function live() {
  try {
    await refresh();
  } catch (error) {
    $("state").className = "state down";
    $("state").textContent = "沙箱没有应答 no answer";
  }
  setTimeout(live, 1500);
}

$("only-callbacks").addEventListener("change", () => showJournal());
buildHostility();
live();
