/** Who may call what, once more and by hand: the declarations in the code cannot vouch for themselves. */
export const PEOPLE = ['pay_admin', 'pay_reviewer', 'pay_auditor'] as const
type Role = (typeof PEOPLE)[number]
const READERS: readonly Role[] = ['pay_admin', 'pay_reviewer', 'pay_auditor']
const ADMINS: readonly Role[] = ['pay_admin']
const REVIEWERS: readonly Role[] = ['pay_admin', 'pay_reviewer']
const AUDITORS: readonly Role[] = ['pay_admin', 'pay_auditor']

export interface Route {
  readonly roles: readonly Role[] | 'everybody' | 'device' | 'service'
  /** The device or the bundle in the path belongs to a tenant: for another one's people it is not there. */
  readonly ofTenant?: true
  readonly body?: object
  readonly query?: string
  /** What the answer to the tenant’s own people holds, and to another one's does not. */
  readonly shows?: readonly string[]
  /** Seen by people of every tenant only. */
  readonly allTenants?: true
}

const reason = { reason: 'corpus' }
export const ROUTES: Readonly<Record<string, Route>> = {
  'POST /offline/push': { roles: 'device' },
  'GET /offline/notice': { roles: 'device' },
  'POST /offline/claims/answer': { roles: 'device' },
  'POST /offline/consents': { roles: 'device' },
  'POST /offline/consents/code': { roles: 'device' },
  'POST /offline/consents/code/answer': { roles: 'device' },
  'POST /offline/mandates': { roles: 'device' },
  'POST /offline/allowances': { roles: 'device' },
  'GET /offline/keys': { roles: 'everybody' },
  'POST /offline/enrol': { roles: 'everybody' },
  'POST /offline/devices': { roles: ADMINS, body: {} },
  'GET /offline/devices': { roles: READERS, shows: [':device_id'] },
  'POST /offline/devices/enrolment-codes': { roles: ADMINS, body: {} },
  'GET /offline/devices/:device_id': { roles: READERS, ofTenant: true },
  'GET /offline/devices/:device_id/evidence': { roles: READERS, ofTenant: true },
  'POST /offline/devices/:device_id/suspend': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/devices/:device_id/reactivate': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/devices/:device_id/revoke': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/devices/:device_id/keys': {
    roles: ADMINS,
    ofTenant: true,
    body: { public_key: {}, proof: 'x' },
  },
  'GET /offline/bundles': { roles: READERS, shows: [':device_id'] },
  'GET /offline/bundles/:bundle_id': { roles: READERS, ofTenant: true },
  'GET /offline/bundles/:bundle_id/original': { roles: READERS, ofTenant: true },
  'POST /offline/bundles/:bundle_id/review': {
    roles: REVIEWERS,
    ofTenant: true,
    body: { choice: 'approve', payments: [1], ...reason },
  },
  'POST /offline/transactions/:device_id/:counter/reverse': {
    roles: REVIEWERS,
    ofTenant: true,
    body: { reason: 'duplicate' },
  },
  'GET /offline/consent-requests': { roles: READERS, shows: [':device_id'] },
  'GET /offline/reviews': { roles: READERS, shows: [':device_id'] },
  'GET /offline/policies': { roles: READERS },
  'GET /offline/policies/:country': { roles: READERS },
  'GET /offline/policies/:country/versions': { roles: READERS },
  'GET /offline/policies/proposals': { roles: READERS },
  // After the votes: who gives consent has none.
  'POST /offline/devices/:device_id/consents': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/devices/:device_id/consents/:request/confirm': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/devices/:device_id/consents/withdraw': { roles: ADMINS, ofTenant: true, body: reason },
  'POST /offline/policies/proposals': {
    roles: ADMINS,
    allTenants: true,
    body: { country: 'SN', after_version: 99, ...reason, changes: { enabled: true } },
  },
  'POST /offline/policies/proposals/:proposal_id/confirm': { roles: ADMINS, allTenants: true, body: reason },
  'POST /offline/policies/proposals/:proposal_id/withdraw': { roles: ADMINS, allTenants: true, body: reason },
  'POST /offline/policies/:country/switch-off': { roles: ADMINS, allTenants: true, body: reason },
  'POST /offline/policies/dry-run': {
    roles: AUDITORS,
    body: { country: 'SN', changes: { enabled: true } },
    shows: ['"devices":1', '"decided":"review"'],
  },
  'GET /offline/audit': { roles: AUDITORS, shows: [':device_id'] },
  'GET /offline/audit/export': { roles: AUDITORS, shows: [':device_id'] },
  'GET /offline/escalations': { roles: READERS, shows: [':device_id'] },
  'GET /offline/reconciliation': {
    roles: AUDITORS,
    query: '?date=:date&country=:country',
    shows: [':device_id', '"totals":[{'],
  },
  'POST /internal/outcomes': { roles: 'service' },
  'GET /internal/received': { roles: 'service' },
  'POST /internal/rebuild': { roles: 'service' },
  'GET /internal/policies/:country/:version': { roles: 'service' },
  'GET /healthz': { roles: 'everybody' },
  'GET /readyz': { roles: 'everybody' },
  'GET /metrics': { roles: AUDITORS, allTenants: true },
  'GET /openapi.json': { roles: 'everybody' },
  'GET /docs': { roles: 'everybody' },
}
