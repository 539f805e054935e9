/* Keeps the pages that people use on the road (/my, /record), so that they open without a connection. It holds scripts,
   styles and empty pages, never figures or cases: what a page shows of those it keeps itself, and says how old it is.
   The server writes its build into the first line; a new build throws the old pages away. */
const BUILD = "{build}";
const CACHE = "townwatch-" + BUILD;
const KEPT = /^\/(my|record(\/[a-z_]+)?)$/;
const FIXED = /^\/(assets|_dash-component-suites)\//;
const FRAME = /^\/_dash-(layout|dependencies)$/;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("townwatch-") && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
})()));

async function keep(key, answer) {
  if (answer.ok && !answer.redirected) await (await caches.open(CACHE)).put(key, answer.clone());
  return answer;
}
/* What the server says now; without it what it said last. */
async function fresh(request, key) {
  try { return await keep(key, await fetch(request)); }
  catch (error) {
    const held = await (await caches.open(CACHE)).match(key);
    if (held) return held;
    throw error;
  }
}
/* An address with a version in it never changes. */
async function fixed(request) {
  const held = await (await caches.open(CACHE)).match(request.url);
  return held || keep(request.url, await fetch(request));
}
/* Under which name an answer of Dash's is kept that holds an empty page: its path, language and theme. What else stands in
   the address the page reads itself. Empty: no such answer. */
function keyOf(body) {
  try {
    const asked = JSON.parse(body);
    if (!String(asked.output).includes("tw-frame")) return "";
    const told = (name) => String((asked.inputs.find((input) => input.property === name) || {}).value || "");
    if (!KEPT.test(told("pathname"))) return "";
    const query = new URLSearchParams(told("search")), key = new URL("/sw" + told("pathname"), location.origin);
    for (const name of ["lang", "theme"]) if (query.get(name)) key.searchParams.set(name, query.get(name));
    return key.href;
  } catch (error) { return ""; }
}
async function posted(request) {
  const key = keyOf(await request.clone().text());
  return key ? fresh(request, key) : fetch(request);
}

self.addEventListener("fetch", (event) => {
  const request = event.request, url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.mode === "navigate") { if (KEPT.test(url.pathname)) event.respondWith(fresh(request, url.pathname)); return; }
  if (request.method === "GET" && FIXED.test(url.pathname)) event.respondWith(fixed(request));
  else if (request.method === "GET" && FRAME.test(url.pathname)) event.respondWith(fresh(request, url.pathname));
  else if (request.method === "POST" && url.pathname === "/_dash-update-component") event.respondWith(posted(request));
});

/* The page that was open before this worker was: what it loaded is fetched once more and kept. */
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const told = event.data || {};
  for (const address of told.addresses || []) {
    const url = new URL(address, location.origin);
    if (url.origin !== location.origin) continue;
    try {
      if (FIXED.test(url.pathname)) await fixed(new Request(url.href));
      else if (FRAME.test(url.pathname)) await fresh(new Request(url.href), url.pathname);
      else if (KEPT.test(url.pathname)) await fresh(new Request(url.href, { headers: { Accept: "text/html" } }), url.pathname);
    } catch (error) { /* the next visit keeps it */ }
  }
  for (const one of told.posted || []) {
    const key = keyOf(one.body), to = new URL(one.address, location.origin);
    if (!key || to.origin !== location.origin) continue;
    try { await keep(key, await fetch(one.address, { method: "POST", headers: one.headers, body: one.body, credentials: "same-origin" })); } catch (error) { /* likewise */ }
  }
  if (event.source) event.source.postMessage({ kept: true });
})()));
