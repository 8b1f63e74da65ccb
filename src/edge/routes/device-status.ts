import type { DeviceStatus } from '../../protocol/messages.ts'
import { deviceStub } from '../env.ts'
import { actorOf } from './actor.ts'
import { refuse } from './answers.ts'
import { masked } from './masked.ts'
import { deviceParams, reasonBody, writeHeaders } from './params.ts'
import { standing } from './schemas/devices.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const change = <const P extends string>(path: P, summary: string) =>
  secured(['pay_admin'], {
    method: 'post',
    path,
    summary,
    tags: ['devices'],
    request: { params: deviceParams, headers: writeHeaders, body: jsonBody(reasonBody) },
    answers: { 200: json(standing, 'The status that is in force now') },
    refusals: ['state_conflict', 'idempotency_conflict'],
  })

const suspend = change(
  '/offline/devices/{device_id}/suspend',
  'Take nothing from a device until it is reactivated; what waits of it waits on',
)
const reactivate = change('/offline/devices/{device_id}/reactivate', 'Take payments from a suspended device again')
const revoke = change(
  '/offline/devices/{device_id}/revoke',
  'Take nothing from a device, for ever, and reject all that waits on it',
)

type Change = Parameters<Parameters<ReturnType<typeof routes>['openapi']>[1]>[0]

/** The standing of a device. Setting the status that it has changes nothing; a revoked one stays revoked. */
export const deviceStatusRoutes = routes()
  .openapi(suspend, (c) => setStatus(c, c.req.valid('param').device_id, 'suspended', c.req.valid('json').reason))
  .openapi(reactivate, (c) => setStatus(c, c.req.valid('param').device_id, 'active', c.req.valid('json').reason))
  .openapi(revoke, (c) => setStatus(c, c.req.valid('param').device_id, 'revoked', c.req.valid('json').reason))

async function setStatus(c: Change, deviceId: string, status: DeviceStatus, reason: string): Promise<Response> {
  const by = await actorOf(c)
  if (!by.ok) return refuse(c, by.error)
  const result = await deviceStub(c.env, deviceId).setStatus(status, by.value, masked(reason))
  if (!result.ok) return refuse(c, { code: result.error })
  const { status: inForce, ended } = result.value
  if (inForce !== status) return refuse(c, { code: 'state_conflict', detail: `the device is ${inForce}` })
  return c.json({ device_id: deviceId, status, ...(ended && { ended }) })
}
