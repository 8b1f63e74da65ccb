import { expect, it } from 'vitest'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode, problem } from '../../../../src/protocol/problems.ts'
import { answer } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const codes = Object.keys(PROBLEMS) as ProblemCode[]

it.each(codes.filter((code) => problem(code).money === 'unknown'))(
  '%s after the edge has admitted the bundle: the payment waits, is not voided, and the same bytes bring the receipt',
  async (code) => {
    const rig = await Rig.create()
    let fails = true
    const sdk = await rig.started({
      fetch: async (url, request) => {
        const response = await rig.edge.fetch(url, request)
        if (!fails || request.method !== 'POST') return response
        const { status, ...body } = problem(code)
        return answer(status, PROBLEM_MEDIA_TYPE, new TextEncoder().encode(JSON.stringify({ status, ...body })))
      },
    })
    await sdk.createOfflineTransaction(terms())
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1, error: { code, next: 'wait' } })
    expect(sdk.getTransactions()).toMatchObject([{ status: 'pending_offline', receipted: false }])
    await expect(sdk.voidTransaction(1)).rejects.toMatchObject({ code: 'already_bundled' })
    fails = false
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.bundles).toHaveLength(1)
    expect(rig.edge.contradictions).toEqual([])
  },
)
