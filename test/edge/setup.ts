import { applyD1Migrations } from 'cloudflare:test'
import { bindings } from './kit.ts'

await applyD1Migrations(bindings.DB, bindings.TEST_MIGRATIONS)
