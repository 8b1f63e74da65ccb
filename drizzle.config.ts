import { defineConfig } from 'drizzle-kit'

/** Makes migrations of the edge's D1 from its schema; `wrangler d1 migrations apply` runs them. */
export default defineConfig({
  dialect: 'sqlite',
  schema: ['./src/edge/store/schema.ts', './src/edge/auth/schema.ts', './src/edge/metrics/schema.ts'],
  out: './migrations/edge',
})
