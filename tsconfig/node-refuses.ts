/** What the reconciler and the tools must not name: `npm run types` fails when one is let through. */

// @ts-expect-error
void document
// @ts-expect-error
void indexedDB
// @ts-expect-error
void import('cloudflare:workers')
// @ts-expect-error
export type Refused = DurableObjectState | D1Database
