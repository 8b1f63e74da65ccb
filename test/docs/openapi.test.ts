import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, it } from 'vitest'
import { app } from '../../src/edge/app.ts'

/** The document that the Worker serves, held against the schema of the OpenAPI Initiative. */
it('/openapi.json is OpenAPI 3.1', async () => {
  const document = (await (await app.request('/openapi.json')).json()) as Record<string, unknown>
  const result = await new Validator().validate(document)
  expect(result.errors ?? []).toEqual([])
  expect(result.valid).toBe(true)
  expect(document['openapi']).toBe('3.1.0')
})

it('every name in a body of the API is in snake_case', async () => {
  const document = await (await app.request('/openapi.json')).json()
  const names: string[] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [name, inner] of Object.entries(value)) {
      if (name === 'properties' && typeof inner === 'object') names.push(...Object.keys(inner ?? {}))
      walk(inner)
    }
  }
  walk(document)
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name))).toEqual([])
})
