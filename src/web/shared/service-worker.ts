/** Milliseconds between two looks for a new version, by a page that is never closed. */
const LOOK_EVERY_MS = 3_600_000

const container: ServiceWorkerContainer | undefined = navigator.serviceWorker
const listeners = new Set<() => void>()
let registration: ServiceWorkerRegistration | undefined
/** Without a controller the page came from the network, and the first version that takes over is its own. */
let isControlled = Boolean(container?.controller)
let isReady = false
let asked = false

/**
 * Keeps the page on this phone. May be called again when it could not.
 *
 * @param base path of the page, under which its service worker is
 * @returns undefined where there are no service workers, or none could be fetched: the page works while there is a network
 */
export async function registerServiceWorker(base: string): Promise<ServiceWorkerRegistration | undefined> {
  if (container === undefined || registration?.active) return registration
  let found: ServiceWorkerRegistration
  try {
    found = await container.register(`${base}sw.js`, { scope: base, updateViaCache: 'none' })
  } catch {
    return undefined
  }
  // The browser answers with the same one; a first version that could not be installed is gone, and another is made.
  if (found !== registration) follow(found, container)
  return found
}

function follow(found: ServiceWorkerRegistration, { controller }: ServiceWorkerContainer): void {
  if (registration === undefined) {
    container?.addEventListener('controllerchange', tookOver)
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible' && Date.now() - lookedMs >= LOOK_EVERY_MS) lookForUpdate()
    })
    // A till on the counter is visible all day.
    setInterval(lookForUpdate, LOOK_EVERY_MS)
  }
  registration = found
  isControlled ||= controller !== null
  watch(found.installing)
  found.addEventListener('updatefound', () => watch(found.installing))
  if (found.waiting) isReady = true
  tell()
}

/** Whether the page is on this phone, all of it: only then is its worker active. */
export const offlinePage = {
  isKept: (): boolean => Boolean(registration?.active),
  subscribe,
}

/** A new version of the page. Nothing changes until the person at this very screen says so: a payment may be under way. */
export const update = {
  isReady: (): boolean => isReady,
  subscribe,
  start(): void {
    asked = true
    // Without one that waits, another tab has let it take over already.
    if (registration?.waiting) registration.waiting.postMessage({ type: 'SKIP_WAITING' })
    else location.reload()
  },
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed)
  return () => listeners.delete(changed)
}

function watch(worker: ServiceWorker | null): void {
  worker?.addEventListener('statechange', () => {
    if (worker.state === 'installed' && isControlled) isReady = true
    tell()
  })
}

function tookOver(): void {
  if (!isControlled) isControlled = true
  else if (asked) location.reload()
  else isReady = true
  tell()
}

function tell(): void {
  for (const listener of listeners) listener()
}

let lookedMs = Date.now()

function lookForUpdate(): void {
  lookedMs = Date.now()
  // Without a network there is none.
  void registration?.update().catch(() => undefined)
}
