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
async function keyOf(body) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return new URL("/sw/" + Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""), location.origin).href;
}
function ofKeptPage(body) { return body.includes("tw-frame") && /"\/(my|record)/.test(body); }
async function posted(request) {
  const body = await request.clone().text();
  return ofKeptPage(body) ? fresh(request, await keyOf(body)) : fetch(request);
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
    if (!ofKeptPage(one.body)) continue;
    try { await keep(await keyOf(one.body), await fetch("/_dash-update-component", { method: "POST", headers: one.headers, body: one.body, credentials: "same-origin" })); } catch (error) { /* likewise */ }
  }
  if (event.source) event.source.postMessage({ kept: true });
})()));
