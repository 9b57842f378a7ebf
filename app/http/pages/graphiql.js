"use strict";

// Remembers everybody who signed in here and sends the token of whoever is chosen in the bar, so that one
// person can play the resident and the clerks tab by tab.
(() => {
  const { tabs, digest } = JSON.parse(document.getElementById("content").textContent);
  const who = document.getElementById("who");
  const people = document.getElementById("people");
  const forget = document.getElementById("forget");

  const known = () => JSON.parse(sessionStorage.getItem("people") ?? "[]");
  const chosen = () => known().find((person) => person.chosen);

  function keep(list) {
    sessionStorage.setItem("people", JSON.stringify(list));
    show();
  }

  function show() {
    const list = known();
    who.textContent = list.length ? "当前身份 acting as" : "未登录:先运行登录操作 (run a sign-in operation first)";
    people.hidden = forget.hidden = !list.length;
    people.replaceChildren(...list.map((person, place) => new Option(person.name, place, false, person.chosen)));
  }

  function findTokens(value) {
    if (!value || typeof value !== "object") return undefined;
    if (typeof value.access === "string" && typeof value.refresh === "string") return value.access;
    return Object.values(value).map(findTokens).find(Boolean);
  }

  function learn(data) {
    const token = findTokens(data);
    if (!token) return;
    const staff = data.staffSignIn?.staff;
    const resident = data.signIn?.resident;
    const name = staff?.title ?? (resident ? `居民 ${resident.id.slice(-4)}` : chosen()?.name ?? "居民");
    const others = known().filter((person) => person.name !== name).map((person) => ({ ...person, chosen: false }));
    keep([...others, { name, token, chosen: true }]);
  }

  async function fetcher(request, { headers = {} } = {}) {
    const named = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
    const signedIn = chosen() && !named ? { authorization: `Bearer ${chosen().token}` } : {};
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...signedIn, ...headers },
      body: JSON.stringify(request),
    });
    const answer = await response.json();
    learn(answer.data);
    return answer;
  }

  // GraphiQL remembers its tabs for ever; under a name of their own, changed documents show up at once.
  const prefix = `graphiql-${digest}-`;
  const storage = {
    get length() { return localStorage.length; },
    getItem: (name) => localStorage.getItem(prefix + name),
    setItem: (name, value) => localStorage.setItem(prefix + name, value),
    removeItem: (name) => localStorage.removeItem(prefix + name),
    clear: () => Object.keys(localStorage).filter((name) => name.startsWith("graphiql-"))
      .forEach((name) => localStorage.removeItem(name)),
  };

  // GraphiQL takes the first tab's variables from here and nowhere else.
  if (tabs.length && storage.getItem("graphiql:variables") === null) {
    storage.setItem("graphiql:variables", tabs[0].variables);
  }

  people.addEventListener("change", () => {
    keep(known().map((person, place) => ({ ...person, chosen: place === Number(people.value) })));
  });
  forget.addEventListener("click", () => keep([]));
  show();
  ReactDOM.render(
    React.createElement(GraphiQL, {
      fetcher, storage, defaultTabs: tabs, defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: true, shouldPersistHeaders: false,
    }),
    document.getElementById("editor"),
  );
})();
