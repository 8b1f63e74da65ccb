import { Hono } from 'hono'
import { configOf } from '../config.ts'
import type { App } from './app-types.ts'

/** `GET /healthz`: the Worker runs and its settings parse. Asks no dependency. */
export const healthRoutes = new Hono<App>().get('/healthz', (c) => {
  configOf(c.env)
  return c.json({ status: 'ok' })
})
