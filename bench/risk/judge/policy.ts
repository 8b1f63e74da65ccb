import { firstPolicy } from '../../../src/protocol/first-policies.ts'

/** What a country begins with. */
export const POLICY = firstPolicy('SN')
