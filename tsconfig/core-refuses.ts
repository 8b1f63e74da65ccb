/** What the core must not name, be it Node's, a Worker's or a browser's: `npm run types` fails when one is let through. */

// @ts-expect-error
void document
// @ts-expect-error
void navigator
// @ts-expect-error
void indexedDB
// @ts-expect-error
void process
// @ts-expect-error
void Buffer
// @ts-expect-error
void fetch
// @ts-expect-error
void setTimeout
// @ts-expect-error
void import('node:fs')
// @ts-expect-error
void import('cloudflare:workers')
// @ts-expect-error
export type Refused = DurableObjectState | D1Database
