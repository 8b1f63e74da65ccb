/** What pages and the browser's SDK must not name: `npm run types` fails when one is let through. */

// @ts-expect-error
void process
// @ts-expect-error
void Buffer
// @ts-expect-error
void import('node:fs')
// @ts-expect-error
void import('cloudflare:workers')
// @ts-expect-error
export type Refused = DurableObjectState | D1Database
