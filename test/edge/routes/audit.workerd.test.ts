import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AuditFilter, listAudit } from '../../../src/edge/store/audit.ts'
import { fromBase64url, toHex } from '../../../src/protocol/bytes.ts'
import { detached } from '../../../src/protocol/cose.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { confirm, deliverIndex, lostQueues, type Queues, select } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, keySet, push, pushed, registered } from '../kit.ts'
import { admin, auditor, call, ok, pushPayments, refused, reviewer } from './kit.ts'

let queues: Queues
let device: TestDevice
let bundleId: string
beforeAll(async () => {
  await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered({ tenant: 'shop' })
  bundleId = ulidText((await pushPayments(device, [device.payment()], queues)).header.bundleId)
  await ok(call({ sub: 'khady@molam.sn' }, 'POST', `/offline/devices/${device.id}/suspend`, { reason: 'test it' }))
  await ok(call(admin, 'POST', `/offline/devices/${device.id}/reactivate`, { reason: 'test it' }))
  await deliverIndex(queues)
})

/** What is recorded of the admission of its highest bundle. */
async function admittedBy() {
  const [row] = await select<{ by: string }>(device, 'SELECT admitted_by AS by FROM bundles ORDER BY seq DESC LIMIT 1')
  return JSON.parse(row?.by ?? '')
}

const actions = async (query: string, who = auditor) => {
  const { records } = await ok(call(who, 'GET', `/offline/audit?${query}`))
  return records.map(({ action }: { action: string }) => action)
}

describe('the audit log', () => {
  it('is found by device, bundle, actor, action and date, the latest first', async () => {
    const all = ['device_active', 'device_suspended', 'bundle_admitted', 'device_registered']
    expect(await actions(`device_id=${device.id}`)).toEqual(all)
    expect(await actions(`bundle_id=${bundleId}`)).toEqual(['bundle_admitted'])
    expect(await actions(`device_id=${device.id}&actor=user:awa`)).toEqual(['device_active'])
    expect(await actions(`device_id=${device.id}&action=device_suspended`)).toEqual(['device_suspended'])
    const { records } = await ok(call(auditor, 'GET', `/offline/audit?device_id=${device.id}`))
    const between = `from=${records[1].at}&to=${records[0].at + 1}`
    expect(await actions(`device_id=${device.id}&${between}`)).toEqual(expect.arrayContaining(all.slice(0, 2)))
    expect(await actions(`device_id=${device.id}&to=1000`)).toEqual([])
  })

  it('goes page by page through all records, each once', async () => {
    const found: string[] = []
    let cursor = ''
    do {
      const page = await ok(call(auditor, 'GET', `/offline/audit?device_id=${device.id}&limit=1${cursor}`))
      found.push(...page.records.map(({ id }: { id: string }) => id))
      cursor = page.next_cursor && `&cursor=${page.next_cursor}`
    } while (cursor)
    expect(new Set(found).size).toBe(4)
    expect(found).toHaveLength(4)
  })

  it('has the settlement beside the admission, and each is found by its action and by whose it is', async () => {
    const [row] = await select<{ id: ArrayBuffer }>(device, 'SELECT bundle_id AS id FROM bundles')
    const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
    const about = { deviceId: device.id, bundleId: new Uint8Array(row?.id ?? new ArrayBuffer()), seq: 1 }
    expect(await confirm(device, [{ kind: 'bundle_settled', ...about, rev: 1, outcomes }], 'r-9')).toBe('confirmed')
    const found = `device_id=${device.id}`
    expect(await actions(found)).toEqual([
      ...['device_active', 'device_suspended', 'bundle_settled', 'bundle_admitted', 'device_registered'],
    ])
    expect(await actions(`${found}&action=bundle_settled`)).toEqual(['bundle_settled'])
    expect(await actions(`${found}&action=bundle_admitted`)).toEqual(['bundle_admitted'])
    expect(await actions(`${found}&actor=reconciler`)).toEqual(['bundle_settled'])
    expect(await actions(`${found}&actor=device`)).toEqual(['bundle_admitted'])
    expect(await actions(`bundle_id=${bundleId}`)).toEqual(['bundle_settled', 'bundle_admitted'])
    // Among all devices of all countries, too.
    const { records } = await ok(call(auditor, 'GET', '/offline/audit?action=bundle_settled&limit=1'))
    expect(records).toMatchObject([
      { id: `${device.id}/b1.1`, bundle_id: bundleId, request_id: 'r-9', detail: { status: 'accepted', payments: 1 } },
    ])
  })

  it('of one bundle goes page by page too, the latest first, whatever order its records were written in', async () => {
    const insert = bindings.DB.prepare(
      `INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, bundle_id, detail)
        SELECT ?1 || '/x' || value, ?1, 'shop', 1000 + value, 'user:awa', 'x', ?2, '{}' FROM json_each('[3, 1, 4, 2]')`,
    )
    await insert.bind(device.id, bundleId).run()
    const found: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await ok(call(auditor, 'GET', `/offline/audit?bundle_id=${bundleId}&limit=1${cursor}`))
      found.push(...page.records.map(({ id }: { id: string }) => id.slice(device.id.length)))
      cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : undefined
    }
    expect(found).toEqual(['/b1', '/x4', '/x3', '/x2', '/x1'])
  })

  it('tells records of one millisecond apart, whichever table they are in: none twice, none left out', async () => {
    const [row] = await select<{ id: ArrayBuffer; at: number }>(
      device,
      'SELECT bundle_id AS id, received_at AS at FROM bundles',
    )
    const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
    const about = { deviceId: device.id, bundleId: new Uint8Array(row?.id ?? new ArrayBuffer()), seq: 1 }
    await confirm(device, [{ kind: 'bundle_settled', ...about, rev: 1, outcomes }])
    await bindings.DB.prepare(
      `INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, detail)
        SELECT ?1 || '/x' || value, ?1, 'shop', ?2, 'user:awa', 'x', '{}' FROM json_each('[1, 2]')`,
    )
      .bind(device.id, row?.at)
      .run()
    const paged = async (order: 'asc' | 'desc') => {
      const found: string[] = []
      let after: AuditFilter['after']
      do {
        const [entry, next] = await listAudit(bindings.DB, { deviceId: device.id, after }, 1, order)
        if (entry) found.push(entry.record.id.slice(device.id.length))
        after = next && entry?.position
      } while (after)
      return found
    }
    const all = ['/1', '/x1', '/x2', '/b1', '/b1.1', '/2', '/3']
    expect(await paged('asc')).toEqual(all)
    expect(await paged('desc')).toEqual(all.toReversed())
  })

  it('names a person whose subject is personal by its hash, and finds it by the subject', async () => {
    expect(await actions(`device_id=${device.id}&actor=user:khady@molam.sn`)).toEqual(['device_suspended'])
    const rows = await select<{ actor: string }>(device, "SELECT actor FROM audit WHERE action = 'device_suspended'")
    expect(rows[0]?.actor).toMatch(/^user:~[0-9a-f]{24}$/)
  })

  it('shows a person of a tenant that tenant’s records and nothing else', async () => {
    const other = await registered({ tenant: 'other' })
    await deliverIndex(queues)
    const { records } = await ok(call({ ...auditor, tenant: 'shop' }, 'GET', '/offline/audit?limit=200'))
    expect(new Set(records.map(({ tenant }: { tenant: string }) => tenant))).toEqual(new Set(['shop']))
    expect(await actions(`device_id=${other.id}`, { ...auditor, tenant: 'shop' })).toEqual([])
    await refused(call(reviewer, 'GET', '/offline/audit'), 'forbidden')
  })

  it('is exported from the oldest on, one object a line, and says when it is whole', async () => {
    const insert = bindings.DB.prepare(
      `INSERT INTO offline_audit_logs (id, device_id, tenant, at, actor, action, detail)
        SELECT 'BULK/' || value, 'BULK', 'bulk', value / 3, 'device', 'x', '{}' FROM
        (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 1234) SELECT value FROM n)`,
    )
    await insert.run()
    const response = await call(auditor, 'GET', '/offline/audit/export?device_id=BULK')
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(-1)).toEqual({ end: true, records: 1234 })
    const ids = lines.slice(0, -1).map(({ id }) => id)
    expect(new Set(ids).size).toBe(1234)
    expect(lines.slice(0, -1).map(({ at }) => at)).toEqual(
      lines
        .slice(0, -1)
        .map(({ at }) => at)
        .toSorted((a, b) => a - b),
    )
  })
})

describe('a device that told two stories', () => {
  const fork = async () => {
    const again = await device.bundle([device.payment()], await keySet(), { seq: 1, prev: new Uint8Array(16) })
    expect((await push(again.bundle)).status).toBe(409)
    await deliverIndex(queues)
    return again
  }

  it('is suspended, listed as an escalation, and both stories are there for reviewers', async () => {
    const again = await fork()
    const { escalations } = await ok(call(reviewer, 'GET', `/offline/escalations?device_id=${device.id}`))
    expect(escalations).toMatchObject([{ device_id: device.id, kind: 'chain_fork', seq: 1, tenant: 'shop' }])
    const { evidence } = await ok(call(reviewer, 'GET', escalations[0].evidence))
    const first = await ok(call(reviewer, 'GET', `/offline/bundles/${bundleId}`))
    expect(evidence).toMatchObject([{ kind: 'chain_fork', seq: 1, admitted: first.bundle }])
    expect(fromBase64url(evidence[0].signed)).toEqual(detached(again.bundle))
    expect(evidence[0].digest).toBe(toHex(again.digest))
    expect(await ok(call(reviewer, 'GET', `/offline/devices/${device.id}`))).toMatchObject({
      status: 'suspended',
      contradictions: 1,
    })
    await refused(call({ ...reviewer, tenant: 'x' }, 'GET', escalations[0].evidence), 'not_found')
    expect(await select(device, 'SELECT kind, seq, told FROM escalations')).toEqual([
      { kind: 'chain_fork', seq: 1, told: 0 },
    ])
  })

  it('again with the same story is one escalation', async () => {
    const again = await fork()
    await push((await device.resign(again)).bundle)
    expect(await select(device, 'SELECT 1 FROM escalations')).toHaveLength(1)
  })
})

it('says from where a push came, and by which request', async () => {
  const { bundle } = await device.bundle([device.payment()], await keySet())
  const answer = await push(bundle, { 'cf-connecting-ip': '2001:db8:1:2:3:4:5:6' })
  const { detail, requestId } = await admittedBy()
  expect(detail.via).toContain('2001:db8:1::/48')
  expect(detail.via).not.toContain('2:3')
  expect(requestId).toBe(answer.headers.get('molam-request-id'))
})

it('holes in seq and counter are recorded, shown, and told to the device until they are filled', async () => {
  const withheld = await device.bundle([device.payment(), device.payment()], await keySet())
  const ahead = await device.bundle([device.payment()], await keySet())
  const { notice } = await pushed(ahead.bundle)
  expect(notice.missing).toEqual([2, 3])
  expect(await ok(call(auditor, 'GET', `/offline/devices/${device.id}`))).toMatchObject({
    missing_seqs: [2],
    missing_counters: [2, 3],
  })
  expect(await admittedBy()).toMatchObject({ detail: { holes: 1 } })
  expect((await pushed(withheld.bundle)).notice.missing).toBeUndefined()
  expect(await ok(call(auditor, 'GET', `/offline/devices/${device.id}`))).toMatchObject({ missing_seqs: [] })
})

it('bundles are listed by status, country, device and date, and their original bytes can be had', async () => {
  const list = (query: string, who = auditor) => ok(call(who, 'GET', `/offline/bundles?device_id=${device.id}${query}`))
  const { bundles } = await list('')
  expect(bundles).toMatchObject([{ bundle_id: bundleId, status: 'pushed', country: 'SN', tenant: 'shop', seq: 1 }])
  expect((await list('&status=pushed&country=SN&from=1')).bundles).toHaveLength(1)
  for (const none of ['&status=failed', '&country=CI', '&to=1000', `&from=${Date.now() + 60_000}`]) {
    expect((await list(none)).bundles, none).toEqual([])
  }
  expect((await list('', { ...auditor, tenant: 'other' })).bundles).toEqual([])
  const shown = await ok(call(auditor, 'GET', `/offline/bundles/${bundleId}`))
  const original = await call(auditor, 'GET', `/offline/bundles/${bundleId}/original`)
  expect(original.headers.get('content-type')).toBe('application/vnd.molam.bundle+cose')
  expect(new Uint8Array(await original.arrayBuffer())).toEqual(fromBase64url(shown.bundle))
  expect(shown.payments).toMatchObject([
    { local_id: `${device.id}/1`, status: 'pending', amount: 2_500, type: 'merchant' },
  ])
  expect(JSON.stringify({ ...shown, bundle: '', receipt: '' })).not.toContain('W-')
  await refused(call({ ...auditor, tenant: 'other' }, 'GET', `/offline/bundles/${bundleId}/original`), 'not_found')
})

it('a bundle whose id other tenants’ devices chose too is shown to people of its tenant, and asked about by the others', async () => {
  const path = `/offline/bundles/${bundleId}`
  for (const name of ['A-FIRST', 'B-SECOND', 'Z-LAST']) {
    await bindings.DB.prepare(
      `INSERT INTO offline_tx_bundles SELECT bundle_id, ?1, country, 'other', seq, status, rev, currency, first_counter,
        last_counter, admitted_count, admitted_amount, policy_version, risk_score, risk_reasons, received_at, updated_at,
        payments, digest, admitted_by, settlements FROM offline_tx_bundles WHERE bundle_id = ?2 AND device_id = ?3`,
    )
      .bind(`${name}-${device.id}`, bundleId, device.id)
      .run()
  }
  expect(await ok(call({ ...auditor, tenant: 'shop' }, 'GET', path))).toMatchObject({ device_id: device.id })
  const { detail } = await refused(call(auditor, 'GET', path), 'invalid_request')
  expect(detail).toContain('device_id')
  expect(await ok(call(auditor, 'GET', `${path}?device_id=${device.id}`))).toMatchObject({ tenant: 'shop' })
  await refused(call({ ...auditor, tenant: 'shop' }, 'GET', `${path}?device_id=A-FIRST-${device.id}`), 'not_found')
})
