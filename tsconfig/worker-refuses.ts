/**
 * What the Worker and its Durable Objects must not name: `npm run types` fails when one is let through. `Buffer` and `process`
 * are in the Workers' types, as `any`: the linter refuses those (biome.json).
 */

// @ts-expect-error
void document
// @ts-expect-error
void localStorage
// @ts-expect-error
void import('node:fs')
