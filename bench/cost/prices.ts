/**
 * List prices in US dollars, and where each stands. What a plan includes is not taken off: it is the same few dollars a
 * month however much is done, and other projects of an account use it too.
 */
export const PRICES_AS_OF = '2026-11'

export interface Price {
  readonly what: string
  readonly usdPerMillion: number
  readonly included: string
  readonly source: string
}

const WORKERS = 'https://developers.cloudflare.com/workers/platform/pricing/'
const OBJECTS = 'https://developers.cloudflare.com/durable-objects/platform/pricing/'
const D1 = 'https://developers.cloudflare.com/d1/platform/pricing/'
const QUEUES = 'https://developers.cloudflare.com/queues/platform/pricing/'
const FARGATE = 'https://aws.amazon.com/fargate/pricing/'
const RDS = 'https://aws.amazon.com/rds/postgresql/pricing/'

/** Of the Workers Paid plan, which itself costs this a month. */
export const PLAN_USD = 5

export const PRICES = {
  workerRequest: { what: 'Worker requests', usdPerMillion: 0.3, included: '10 million a month', source: WORKERS },
  workerCpuMs: { what: 'Worker CPU, ms', usdPerMillion: 0.02, included: '30 million a month', source: WORKERS },
  logEvent: {
    ...{ what: 'Workers Logs, events', usdPerMillion: 0.6, included: '20 million a month' },
    source: `${WORKERS} (another price from 2026-12-01)`,
  },
  objectRequest: {
    what: 'Durable Object requests',
    usdPerMillion: 0.15,
    included: '1 million a month',
    source: OBJECTS,
  },
  objectGbS: {
    what: 'Durable Object duration, GB-s',
    usdPerMillion: 12.5,
    included: '400 000 a month',
    source: OBJECTS,
  },
  objectRowWritten: {
    ...{ what: 'Durable Object rows written', usdPerMillion: 1, included: '50 million a month' },
    source: `${OBJECTS} (setAlarm is one)`,
  },
  d1RowWritten: { what: 'D1 rows written', usdPerMillion: 1, included: '50 million a month', source: D1 },
  d1RowRead: { what: 'D1 rows read', usdPerMillion: 0.001, included: '25 billion a month', source: D1 },
  queueOperation: { what: 'Queues operations', usdPerMillion: 0.4, included: '1 million a month', source: QUEUES },
  nodeMs: {
    ...{ what: 'Node host, ms of a vCPU', included: '' },
    // A vCPU hour with 2 GB beside it.
    usdPerMillion: perMillionMs(0.04048 + 2 * 0.004445),
    source: `${FARGATE} (us-east-1)`,
  },
  postgresMs: {
    ...{ what: 'Postgres host, ms of a vCPU', included: '' },
    // db.m6g.large with a standby: 2 vCPUs for 0.318 an hour.
    usdPerMillion: perMillionMs(0.318 / 2),
    source: `${RDS} (us-east-1)`,
  },
} as const satisfies Record<string, Price>

/** Servers are paid for while they wait: as much of an hour is work. */
export const HOST_USE = 0.3

function perMillionMs(usdPerHour: number): number {
  return (usdPerHour / 3_600_000) * 1_000_000
}
