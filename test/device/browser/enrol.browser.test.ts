import { describe, expect, it } from 'vitest'
import { browserKeyStore, currentDevice, enrolDevice } from '../../../src/device/browser/index.ts'
import { API } from '../sdk/edge.ts'
import { EnrolmentEdge } from './enrolment-edge.ts'
import { fillDisk, freshName, kidOf, replaceKeys } from './kit.ts'

function browser() {
  const name = freshName()
  const enrolmentEdge = new EnrolmentEdge()
  const keyStore = browserKeyStore(name)
  const request = { apiUrl: API, deviceId: 'POS-001', code: enrolmentEdge.code, fetch: enrolmentEdge.fetch, keyStore }
  return { name, enrolmentEdge, keyStore, enrol: (over: object = {}) => enrolDevice({ ...request, ...over }) }
}

describe('enrolment', () => {
  it('proves the key that the browser keeps, and then knows who it is, also after reopening', async () => {
    const { name, enrol } = browser()
    expect(await currentDevice(name)).toBeUndefined()
    const enrolled = await enrol()
    expect(enrolled).toEqual({ deviceId: 'POS-001', kid: await kidOf(name) })
    expect(await currentDevice(name)).toEqual({ deviceId: 'POS-001', apiUrl: API })
  })

  it('repeated after a lost answer enrols the same key once', async () => {
    const { name, enrolmentEdge, enrol } = browser()
    enrolmentEdge.losesAnswers = 1
    await expect(enrol()).rejects.toMatchObject({ code: 'network_failed' })
    const kid = await kidOf(name)
    expect(await currentDevice(name)).toBeUndefined()
    expect(await enrol()).toEqual({ deviceId: 'POS-001', kid })
    expect(await currentDevice(name)).toMatchObject({ deviceId: 'POS-001' })
  })

  it('whose answer was lost succeeds even after the code has expired: the edge knows the key', async () => {
    const { enrolmentEdge, keyStore, enrol } = browser()
    enrolmentEdge.losesAnswers = 1
    await expect(enrol()).rejects.toMatchObject({ code: 'network_failed' })
    enrolmentEdge.codeExpired = true
    expect(await enrol()).toMatchObject({ deviceId: 'POS-001' })
    expect(await keyStore.enrolled()).toMatchObject({ deviceId: 'POS-001' })
  })

  it('in two tabs at once makes one device with one key', async () => {
    const { name, enrolmentEdge, enrol } = browser()
    const other = browserKeyStore(name)
    const [one, two] = await Promise.all([enrol(), enrol({ keyStore: other })])
    expect(one).toEqual(two)
    expect(enrolmentEdge.requests).toBe(2)
  })

  it('goes through with a clock that is years off: the proof is made again with the time of the edge', async () => {
    const { enrolmentEdge, enrol } = browser()
    enrolmentEdge.aheadMs = 3 * 365 * 86_400_000
    expect(await enrol()).toMatchObject({ deviceId: 'POS-001' })
    expect(enrolmentEdge.requests).toBe(2)
  })

  it('with a code that does not hold leaves the browser nobody, and a later one is taken', async () => {
    const { name, enrol } = browser()
    await expect(enrol({ code: 'AAAA-AAAA-AAAA-AAAA' })).rejects.toMatchObject({
      code: 'enrolment_code_invalid',
      next: 'enrol',
    })
    expect(await currentDevice(name)).toBeUndefined()
    expect(await enrol()).toMatchObject({ deviceId: 'POS-001' })
  })

  it('believes no answer that names another device or key', async () => {
    const { name, enrolmentEdge, enrol } = browser()
    const other = { device_id: 'POS-001', kid: '0011223344556677' }
    for (const body of [other, { ...other, device_id: 'POS-002' }, null, 'no']) {
      const fetch: typeof enrolmentEdge.fetch = async (url, request) => {
        const response = await enrolmentEdge.fetch(url, request)
        const text = new TextEncoder().encode(JSON.stringify(body))
        return { ...response, arrayBuffer: async () => text.buffer }
      }
      await expect(enrol({ fetch })).rejects.toMatchObject({ code: 'answer_invalid' })
    }
    expect(await currentDevice(name)).toBeUndefined()
  })

  it('sends nothing before the key is stored', async () => {
    const { enrolmentEdge, keyStore, enrol } = browser()
    const full = fillDisk('add')
    await expect(enrol()).rejects.toMatchObject({ name: 'AbortError' })
    full.restore()
    expect(enrolmentEdge.requests).toBe(0)
    expect(await keyStore.publicKey()).toBeUndefined()
  })

  it('refuses in a browser that is another device, or has lost the key that was enrolled', async () => {
    const { name, enrolmentEdge, enrol } = browser()
    await enrol()
    await expect(enrol({ deviceId: 'POS-002' })).rejects.toMatchObject({ code: 'key_mismatch' })
    await replaceKeys(name, undefined)
    await expect(enrol()).rejects.toMatchObject({ code: 'key_missing' })
    expect(enrolmentEdge.requests).toBe(1)
    expect(await currentDevice(name)).toMatchObject({ deviceId: 'POS-001' })
  })
})
