import { type AuthSettings, authenticatePerson, type PeopleIssuer } from '../../../src/edge/auth/authenticate.ts'
import { accessPerson, oidcPerson } from '../../../src/edge/auth/claims.ts'
import { type FetchedKeys, IssuerKeys, type KeyIo, type KeyStore } from '../../../src/edge/auth/issuer-keys.ts'
import { after, fetchText } from '../../../src/edge/auth/wiring.ts'

/** One isolate that authenticates people: with a clock and a store of the test's, and a real fetch. */
export class TestIsolate {
  nowMs = Date.now()
  readonly store: MemoryStore
  readonly settings: AuthSettings
  readonly kept: Promise<unknown>[] = []

  constructor(issuer: Pick<PeopleIssuer, 'issuer' | 'audience'> & { jwksUrl: string }, store = new MemoryStore()) {
    this.store = store
    const io: KeyIo = {
      fetchText,
      store,
      nowMs: () => this.nowMs,
      after,
      keepAlive: (work) => {
        this.kept.push(work)
      },
    }
    const keys = new IssuerKeys(issuer.jwksUrl)
    const access = {
      ...issuer,
      keys,
      person: (claims: Parameters<typeof oidcPerson>[0]) => accessPerson(claims, GROUPS),
    }
    this.settings = { oidc: { ...issuer, keys, person: oidcPerson }, access, io }
  }

  async person(token: string) {
    return this.ask({ authorization: `Bearer ${token}` })
  }

  async ask(headers: Record<string, string>, method = 'GET') {
    const request = new Request('https://edge.test/offline/bundles', { method, headers })
    const person = await authenticatePerson(request, this.settings)
    await Promise.all(this.kept.splice(0))
    return person
  }
}

export const GROUPS = {
  rolesClaim: 'custom.groups',
  roles: { ops: 'pay_admin', audit: 'pay_auditor' },
  subjectClaim: 'sub',
  tenantClaim: undefined,
} as const

export class MemoryStore implements KeyStore {
  readonly rows = new Map<string, FetchedKeys>()
  writes = 0
  down = false

  async read(url: string) {
    if (this.down) throw new Error('store is down')
    return this.rows.get(url)
  }

  async write(url: string, keys: FetchedKeys) {
    if (this.down) throw new Error('store is down')
    this.writes++
    this.rows.set(url, keys)
  }
}
