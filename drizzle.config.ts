import { defineConfig } from 'drizzle-kit'

/** Makes migrations of the edge's D1 from its schema; `wrangler d1 migrations apply` runs them. */
export default defineConfig({
  dialect: 'sqlite',
  schema: ['./src/store/schema.ts', './src/auth/schema.ts', './src/metrics/schema.ts'],
  out: './migrations/edge',
})
