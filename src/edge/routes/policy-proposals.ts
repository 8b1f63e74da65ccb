import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Person } from '../../../durable-objects/device/person.ts'
import { signPolicyVersion } from '../../crypto/policy-version.ts'
import { newUlid, ulidText } from '../../protocol/ids.ts'
import type { Country } from '../../protocol/policy.ts'
import { inForceAt } from '../../protocol/policy-version.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { configOf } from '../config.ts'
import { versionsNow } from '../ingest/policy-cache.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { type Change, changeNow, startOf, switchOff, UNREADABLE } from '../policies/change.ts'
import { PROPOSAL_STATES, type Proposal } from '../policies/proposal.ts'
import { auditInsert } from '../store/audit.ts'
import { keepVersion } from '../store/kept-versions.ts'
import { versionInsert } from '../store/policies.ts'
import {
  keepProposal,
  listProposals,
  proposalDecide,
  proposalInsert,
  proposalRow,
  readProposal,
} from '../store/policy-proposals.ts'
import { actorOf } from './actor.ts'
import { refuse } from './answers.ts'
import { type App, personOf } from './app-types.ts'
import { cursorOf, idCursor, limit } from './cursor.ts'
import { masked } from './masked.ts'
import { country, page, reason, reasonBody, ulid, writeHeaders } from './params.ts'
import { policyChanges, policyVersionJson, proposalJson } from './policy-json.ts'
import { policyMade, policyProposal } from './schemas/policies.ts'
import { json, jsonBody, routes, secured } from './secured.ts'
import { writeOnce } from './write-once.ts'

const params = z.object({ proposal_id: ulid })

const propose = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/policies/proposals',
  summary: 'Propose a new version of a policy; another person puts it in force',
  tags: ['policies'],
  request: {
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({
        country,
        after_version: z.int().min(1).openapi({
          description: 'The newest version there is, scheduled ones included: nobody undoes what he has not seen',
        }),
        effective_at: z.int().min(0).optional(),
        reason,
        changes: policyChanges.openapi({ description: 'Made to the version that is in force at effective_at' }),
      }),
    ),
  },
  answers: { 201: json(policyProposal, 'The proposal') },
  refusals: ['version_conflict', 'contradictory_policy', 'idempotency_conflict'],
})

const list = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/policies/proposals',
  summary: 'Proposals, the newest first, and what became of them',
  tags: ['policies'],
  request: {
    query: z.object({
      country: country.optional(),
      state: z.enum(PROPOSAL_STATES).optional(),
      cursor: idCursor,
      limit,
    }),
  },
  answers: { 200: json(page('proposals', policyProposal), 'A page') },
})

const confirm = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/policies/proposals/{proposal_id}/confirm',
  summary:
    'Put a proposal of another person in force, at once or from its time on; older versions of that time or later are superseded',
  tags: ['policies'],
  request: { params, headers: writeHeaders, body: jsonBody(reasonBody) },
  answers: { 201: json(policyMade, 'The new version') },
  refusals: ['version_conflict', 'contradictory_policy', 'state_conflict', 'already_voted', 'idempotency_conflict'],
})

const withdraw = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/policies/proposals/{proposal_id}/withdraw',
  summary: 'Withdraw a proposal, of one’s own or another’s',
  tags: ['policies'],
  request: { params, headers: writeHeaders, body: jsonBody(reasonBody) },
  answers: { 200: json(policyProposal, 'The proposal') },
  refusals: ['state_conflict', 'idempotency_conflict'],
})

const off = secured(['pay_admin'], {
  method: 'post',
  path: '/offline/policies/{country}/switch-off',
  summary:
    'Switch a country off at once, alone; versions that are still to come are superseded. On again takes two people',
  tags: ['policies'],
  request: { params: z.object({ country }), headers: writeHeaders, body: jsonBody(reasonBody) },
  answers: { 201: json(policyMade, 'The new version') },
  refusals: ['version_conflict', 'state_conflict', 'idempotency_conflict'],
})

/** How the rules of a country change: one person proposes, another one puts in force; one alone can only switch off. */
export const policyProposalRoutes = routes()
  .openapi(list, async (c) => {
    const { country, state, cursor, limit } = c.req.valid('query')
    const { proposals, next } = await listProposals(c.env, { country, state }, cursor?.[0], limit)
    return c.json({ proposals: proposals.map(proposalJson), next_cursor: next === undefined ? null : cursorOf(next) })
  })
  .openapi(propose, async (c) => {
    const { country, after_version: afterVersion, effective_at, reason, changes } = c.req.valid('json')
    const by = await policyMaker(c)
    if (!by.ok) return refuse(c, by.error)
    return writeOnce(c, by.value, 201, async (nowMs) => {
      const start = startOf(effective_at, nowMs)
      if (!start.ok) return start
      const versions = (await versionsNow(c.env, country)) ?? []
      // What is scheduled for later is none of its content: to switch a country off must not bring limits forward.
      const basedOn = inForceAt(versions, start.value)?.policy.version
      if (basedOn === undefined) return err(UNREADABLE)
      const effectiveAtMs = effective_at === undefined ? undefined : start.value
      const asked = { country, changes, afterVersion, basedOn, effectiveAtMs }
      const possible = changeNow(asked, versions, nowMs)
      if (!possible.ok) return possible
      const id = ulidText(newUlid(nowMs, (length) => crypto.getRandomValues(new Uint8Array(length))))
      const who = { reason: masked(reason), proposedBy: by.value.actor, proposedAtMs: nowMs }
      const proposal = { id, ...asked, ...who, state: 'open', decidedBy: null, decidedAtMs: null } as const
      const row = await proposalRow(c.env, proposal)
      return ok({
        answer: proposalJson(proposal),
        keep: () => keepProposal(c.env, row),
        statements: [
          proposalInsert(c.env.DB, row),
          audited(c, by.value, nowMs, {
            id: `~policy/${id}`,
            action: 'policy_proposed',
            detail: { country, proposal: id, based_on: basedOn, reason: masked(reason), changes: said(proposal) },
          }),
        ],
        taken: 'version_conflict',
      })
    })
  })
  .openapi(confirm, async (c) => {
    const by = await policyMaker(c)
    if (!by.ok) return refuse(c, by.error)
    return writeOnce(c, by.value, 201, async (nowMs) => {
      const proposal = await readProposal(c.env, c.req.valid('param').proposal_id)
      if (proposal === undefined) return err({ code: 'not_found' })
      if (proposal.state !== 'open') return err({ code: 'state_conflict', detail: `the proposal is ${proposal.state}` })
      const { actor } = by.value
      if (proposal.proposedBy === actor) return err({ code: 'already_voted', detail: 'another person confirms' })
      const change = changeNow(proposal, (await versionsNow(c.env, proposal.country)) ?? [], nowMs)
      if (!change.ok) return change
      const { reason } = c.req.valid('json')
      const why = { proposal: proposal.id, changes: said(proposal), reason: masked(reason) }
      const made = await putInForce(c, by.value, proposal.proposedBy, change.value, why, nowMs)
      const decided = { ...proposal, state: 'in_force', decidedBy: actor, decidedAtMs: nowMs } as const
      const row = await proposalRow(c.env, decided)
      return ok({
        ...made,
        statements: [proposalDecide(c.env.DB, row), ...made.statements],
        keep: () => Promise.all([made.keep(), keepProposal(c.env, row)]),
      })
    })
  })
  .openapi(withdraw, async (c) => {
    const by = await policyMaker(c)
    if (!by.ok) return refuse(c, by.error)
    return writeOnce(c, by.value, 200, async (nowMs) => {
      const proposal = await readProposal(c.env, c.req.valid('param').proposal_id)
      if (proposal === undefined) return err({ code: 'not_found' })
      if (proposal.state !== 'open') return err({ code: 'state_conflict', detail: `the proposal is ${proposal.state}` })
      const { id, country } = proposal
      const decided = { ...proposal, state: 'withdrawn', decidedBy: by.value.actor, decidedAtMs: nowMs } as const
      const row = await proposalRow(c.env, decided)
      return ok({
        answer: proposalJson(decided),
        keep: () => keepProposal(c.env, row),
        statements: [
          proposalDecide(c.env.DB, row),
          audited(c, by.value, nowMs, {
            id: `~policy/${id}/withdrawn`,
            action: 'policy_proposal_withdrawn',
            detail: { country, proposal: id, reason: masked(c.req.valid('json').reason) },
          }),
        ],
        taken: 'state_conflict',
      })
    })
  })
  .openapi(off, async (c) => {
    const by = await policyMaker(c)
    if (!by.ok) return refuse(c, by.error)
    const { country } = c.req.valid('param')
    return writeOnce(c, by.value, 201, async (nowMs) => {
      const change = switchOff(country, (await versionsNow(c.env, country)) ?? [], nowMs)
      if (!change.ok) return change
      const why = { changes: 'enabled=false', reason: masked(c.req.valid('json').reason) }
      return ok(await putInForce(c, by.value, by.value.actor, change.value, why, nowMs))
    })
  })

/** A policy is for all tenants of its country, so who sees one of them only changes none. */
async function policyMaker(c: Context<App>): Promise<Result<Person, Refusal>> {
  return personOf(c).tenant === undefined ? actorOf(c) : err({ code: 'forbidden' })
}

/** The version, signed: its number is the lock, so of two at once one is told that there is a newer one. */
async function putInForce(
  c: Context<App>,
  by: Person,
  proposedBy: string,
  { content, supersedes }: Change,
  why: Readonly<Record<string, string>>,
  nowMs: number,
) {
  const made = { ...content, proposedBy, confirmedBy: by.actor, confirmedAtMs: nowMs }
  const { signed } = await signPolicyVersion(made, await configOf(c.env).keys())
  const { country, version }: { country: Country; version: number } = content.policy
  return {
    answer: { ...policyVersionJson(made), supersedes },
    keep: () => keepVersion(c.env, { country, version, signed }),
    statements: [
      versionInsert(c.env.DB, content.policy, signed),
      audited(c, by, nowMs, {
        id: `~policy/${country}/${version}`,
        action: 'policy_version_made',
        detail: { country, version, effective_at: content.effectiveAtMs, proposed_by: proposedBy, ...why },
      }),
    ],
    taken: 'version_conflict',
  } as const
}

interface Act {
  readonly id: string
  readonly action: string
  readonly detail: Record<string, string | number>
}

/** A record that is about no device, and concerns every tenant. */
function audited(c: Context<App>, { actor, requestId, from }: Person, nowMs: number, { id, action, detail }: Act) {
  return auditInsert(c.env.DB, {
    ...{ id, deviceId: null, tenant: null, bundleId: null, at: nowMs, actor, action },
    requestId: requestId ?? null,
    detail: { ...detail, ...(from !== undefined && { via: from }) },
  })
}

const said = ({ changes }: Proposal): string =>
  Object.entries(changes)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
