import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { app } from '../../../src/edge/app.ts'
import { assertSecured, json, routes, secured, UndeclaredRoute } from '../../../src/edge/routes/secured.ts'
import { ORIGIN, SELF } from '../kit.ts'
import { admin, call, refused } from './kit.ts'

/** How routes are declared, and what is said about them. */
const own = app.routes.filter(({ method, path }) => !(method === 'ALL' && (path === '/*' || path === '*')))
const served = [...new Set(own.map(({ method, path }) => `${method} ${path}`))]
const document = async () => (await SELF.fetch(`${ORIGIN}/openapi.json`)).json() as Promise<Record<string, never>>

describe('a route that nobody said who may call', () => {
  const declared = () =>
    routes().openapi(
      secured('public', { method: 'get', path: '/x', summary: 'x', answers: { 200: json(z.object({}), 'x') } }),
      (c) => c.json({}),
    )
  it('does not start, whatever it is added with', () => {
    expect(() => assertSecured(declared())).not.toThrow()
    expect(() => assertSecured(declared().get('/y', (c) => c.text('y')))).toThrow(UndeclaredRoute)
    expect(() => assertSecured(declared().all('/y', (c) => c.text('y')))).toThrow(UndeclaredRoute)
    expect(() =>
      assertSecured(
        declared().route(
          '/',
          new Hono().post('/y', (c) => c.text('y')),
        ),
      ),
    ).toThrow(/POST \/y/)
  })
  it('is not made good by a declared one beside it, nor by middleware before it', () => {
    const first = new Hono().get('/x', (c) => c.text('first'))
    expect(() => assertSecured(first.route('/', declared()))).toThrow(UndeclaredRoute)
    expect(() => assertSecured(new Hono().use(async (_, next) => next()).get('/y', (c) => c.text('y')))).toThrow()
  })
  it('is not among the routes of the Worker', () => {
    expect(served.length).toBeGreaterThan(30)
    expect(() => assertSecured(app)).not.toThrow()
  })
})

describe('/openapi.json', () => {
  it('names every route, with who may call it, a summary, and its problems', async () => {
    const { paths } = (await document()) as unknown as {
      paths: Record<string, Record<string, Record<string, unknown>>>
    }
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(.+?)\}/g, ':$1')}`),
    )
    expect(described.toSorted()).toEqual(served.toSorted())
    const open = []
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation['summary'], path).toBeTruthy()
        expect(operation['x-callers'], path).toBeTruthy()
        expect(operation['responses'], path).toHaveProperty(['default', 'content', 'application/problem+json'])
        if (operation['security'] === undefined) open.push(`${method} ${path}`)
      }
    }
    expect(open.toSorted()).toEqual([
      'get /docs',
      'get /healthz',
      'get /offline/keys',
      'get /openapi.json',
      'get /readyz',
      'post /offline/enrol',
    ])
  })
})

it('/docs needs nothing from anywhere else, and says so to the browser', async () => {
  const response = await SELF.fetch(`${ORIGIN}/docs`)
  const html = await response.text()
  expect(html).not.toMatch(/https?:\/\//)
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'sha256-.{44}'/)
  expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
})

describe('problems', () => {
  it('404 for a path that is none, 405 with Allow for a method that a path has not', async () => {
    await refused(call(admin, 'GET', '/offline/nothing'), 'not_found')
    await refused(call(undefined, 'GET', '/'), 'not_found')
    for (const [method, path, allow] of [
      ['DELETE', '/offline/devices/POS-1', 'GET'],
      ['PUT', '/offline/policies/proposals', 'GET, POST'],
      ['GET', '/offline/push', 'POST'],
      ['OPTIONS', '/offline/enrol', 'POST'],
    ] as const) {
      const response = await call(undefined, method, path)
      expect(response.headers.get('allow'), path).toBe(allow)
      await refused(Promise.resolve(response), 'method_not_allowed', path)
    }
  })
  it('400 that names what is wrong in a query, and repeats none of it', async () => {
    for (const path of [
      '/offline/devices?limit=0',
      '/offline/devices?limit=x',
      '/offline/devices?country=FR',
      '/offline/bundles?status=lost',
      '/offline/bundles?from=-1',
      '/offline/audit?bundle_id=x',
    ]) {
      const { detail } = await refused(call(admin, 'GET', path), 'invalid_request', path)
      expect(detail).toMatch(/^(limit|country|status|from|bundle_id): /)
    }
  })
  it('415 and 400 for bodies that are not JSON, 413 for one that is too large, before they are judged', async () => {
    const path = '/offline/devices/POS-1/suspend'
    await refused(call(admin, 'POST', path, 'x', { 'content-type': 'text/plain' }), 'unsupported_media_type')
    await refused(call(admin, 'POST', path), 'unsupported_media_type')
    await refused(call(admin, 'POST', path, '{"reason":'), 'invalid_request')
    await refused(call(admin, 'POST', path, { reason: 'x'.repeat(70_000) }), 'bundle_too_large')
    await refused(call(undefined, 'POST', path, 'x'.repeat(70_000)), 'unauthorized', 'nobody is read before the guard')
  })
})
