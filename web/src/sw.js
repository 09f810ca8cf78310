/* The service worker: the page works offline once it was loaded. */

const CACHE = "cargan-site-/*VERSION*/";
/** All small files of the page; the runtimes are kept when they are first used. */
const FILES = [/*FILES*/];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(
          names
            .filter((name) => name.startsWith("cargan-site-") && name !== CACHE)
            .map((name) => caches.delete(name)),
        ),
      )
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname.slice(new URL(self.registration.scope).pathname.length);
  // The page keeps models itself, by their hash.
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  if (path.startsWith("models/")) return;
  // Files in assets/ have a hash in their name and never change.
  event.respondWith(path.startsWith("assets/") ? cacheFirst(request) : networkFirst(request));
});

async function cacheFirst(request) {
  return isolated((await caches.match(request)) ?? (await fetchAndKeep(request)));
}

async function networkFirst(request) {
  try {
    return isolated(await fetchAndKeep(request));
  } catch (error) {
    const kept = await caches.match(request, { ignoreSearch: request.mode === "navigate" });
    if (!kept) throw error;
    return isolated(kept);
  }
}

async function fetchAndKeep(request) {
  const response = await fetch(request);
  if (response.ok && response.status !== 206) {
    const cache = await caches.open(CACHE);
    await cache.put(request, response.clone());
  }
  return response;
}

/** With the headers that give a page threads, which many hosts cannot send. */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
