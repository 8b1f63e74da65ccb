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
