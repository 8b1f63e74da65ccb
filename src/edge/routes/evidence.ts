import { z } from '@hono/zod-openapi'
import { toBase64url, toHex } from '../../protocol/bytes.ts'
import { seesTenant } from '../auth/person.ts'
import { deviceStub } from '../env.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { deviceParams } from './params.ts'
import { evidence } from './schemas/devices.ts'
import { json, routes, secured } from './secured.ts'

const show = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/devices/{device_id}/evidence',
  summary: 'Bundles of a device that contradict admitted ones: both signatures',
  tags: ['devices'],
  request: { params: deviceParams },
  answers: { 200: json(z.strictObject({ evidence: z.array(evidence) }), 'Forks first, then the oldest') },
})

/** What a clone, a replay or a restored copy left behind. */
export const evidenceRoutes = routes().openapi(show, async (c) => {
  const { device_id } = c.req.valid('param')
  const found = await deviceStub(c.env, device_id).evidence()
  if (!found.ok || !seesTenant(personOf(c), found.value.tenant)) return refuse(c, { code: 'not_found' })
  return c.json({
    evidence: found.value.evidence.map(({ kind, seq, againstSeq, atMs, digest, signed, admitted }) => ({
      ...{ kind, seq, against_seq: againstSeq, at: atMs },
      digest: toHex(digest),
      signed: toBase64url(signed),
      admitted: admitted === null ? null : toBase64url(admitted),
    })),
  })
})
