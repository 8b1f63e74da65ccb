import { expect, it } from 'vitest'
import type { DeviceObject } from '../../../durable-objects/device/device-object.ts'
import { TestDevice } from '../../kit/device.ts'
import { inObject } from './kit.ts'

/**
 * The object of an id that nobody registered: whoever guesses one is told what a forger is told, people are told that there is
 * none, and nothing of the call is kept.
 */
type Methods = {
  [Name in keyof DeviceObject as DeviceObject[Name] extends (...args: never) => unknown ? Name : never]: (
    object: DeviceObject,
    device: TestDevice,
  ) => unknown
}
/** What makes a registration, and what the platform calls on its own. */
type Other =
  | 'register'
  | 'enrol'
  | 'fetch'
  | 'webSocketMessage'
  | 'webSocketClose'
  | 'webSocketError'
  | '__DURABLE_OBJECT_BRAND'
type Asked = Omit<Methods, Other>

const person = { actor: 'user:ops', tenant: 'molam', requestId: 'r-1' } as const
const by = { requestId: 'r-1' } as const
const id = new Uint8Array(16)
const NOT_FOUND = { ok: false, error: 'not_found' }
const FORGED = { ok: false, error: 'invalid_signature' }
// An unregistered object must not look at what it is asked: an empty word would break what does.
const nothing = {} as never

const ASKED: { readonly [Name in keyof Asked]-?: readonly [answer: unknown, ask: NonNullable<Asked[Name]>] } = {
  hasAnswered: [false, (object) => object.hasAnswered(person)],
  identity: [NOT_FOUND, (object) => object.identity()],
  admit: [FORGED, (object) => object.admit(nothing)],
  findReceipt: [NOT_FOUND, (object) => object.findReceipt(nothing)],
  notice: [FORGED, (object, { kid }) => object.notice(kid, { cursor: undefined })],
  answerClaim: [FORGED, (object) => object.answerClaim(nothing, id, by)],
  giveMandate: [FORGED, (object) => object.giveMandate(nothing, id, by)],
  orderAllowance: [FORGED, (object) => object.orderAllowance(nothing, id, by)],
  confirm: [NOT_FOUND, (object) => object.confirm(id, 'r-1')],
  notShown: [undefined, (object) => object.notShown([1])],
  indexed: [undefined, (object) => object.indexed(nothing)],
  shownPlaces: [NOT_FOUND, (object) => object.shownPlaces(0)],
  shownRows: [NOT_FOUND, (object) => object.shownRows(nothing)],
  shownBundle: [NOT_FOUND, (object) => object.shownBundle('01JDMX7Q0000000000000000ZZ')],
  rebuilt: [undefined, (object) => object.rebuilt(nothing)],
  noteRebuilt: [undefined, (object) => object.noteRebuilt(person, {})],
  setStatus: [NOT_FOUND, (object) => object.setStatus('suspended', person, 'lost')],
  rotateKey: [NOT_FOUND, (object) => object.rotateKey(nothing, 'revoked', person)],
  askConsent: [NOT_FOUND, (object) => object.askConsent('01JDMX7Q0000000000000000ZZ', Date.now(), person, 'why')],
  confirmConsent: [NOT_FOUND, (object) => object.confirmConsent('01JDMX7Q0000000000000000ZZ', person, 'why')],
  withdrawConsent: [NOT_FOUND, (object) => object.withdrawConsent(person, 'why')],
  takeConsentWord: [FORGED, (object) => object.takeConsentWord(nothing, id, { untilMs: 1, atMs: 0 }, by)],
  askCode: [FORGED, (object, { kid }) => object.askCode(kid, by)],
  answerCode: [FORGED, (object, { kid }) => object.answerCode(kid, 1, '04183920', by)],
  endConsentsOf: [undefined, (object) => object.endConsentsOf([{ deviceId: 'POS-1', kid: '00' } as never])],
  review: [NOT_FOUND, (object) => object.review(nothing, person)],
  reverse: [NOT_FOUND, (object) => object.reverse(nothing, person)],
  describe: [NOT_FOUND, (object) => object.describe()],
  originals: [NOT_FOUND, (object) => object.originals([id])],
  evidence: [NOT_FOUND, (object) => object.evidence()],
  owner: [NOT_FOUND, (object) => object.owner()],
  wake: [NOT_FOUND, (object) => object.wake()],
  alarm: [undefined, (object) => object.alarm()],
}

it.each(Object.entries(ASKED))('%s', async (_, [answer, ask]) => {
  const device = await TestDevice.create()
  await inObject(device, async (state, object) => {
    expect(await ask(object, device)).toEqual(answer)
    const tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    expect(state.storage.sql.exec(tables).toArray(), 'nothing is kept').toEqual([])
    expect(await state.storage.getAlarm(), 'nothing is to be done').toBeNull()
  })
})
