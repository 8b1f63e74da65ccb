/**
 * Who may import whom. A row is a folder's own files, `…/**` a folder with all below it, or files of a folder that stand apart;
 * beside itself it may reach the rows that it names, or a file. Who runs where is the compiler's to hold (tsconfig/).
 */
const GROUND = ['src/protocol', 'src/crypto']
const SDK = ['src/device/sdk/errors.ts', 'src/device/sdk/ports', 'src/device/sdk/store', 'src/device/sdk/sync'] as const
/** What every page is made with. */
const PAGES = ['src/protocol', 'src/device/sdk', 'src/device/browser', 'src/device/qr', 'src/ui/**']
const RECONCILER = 'reconciler/{audit,backoff,config,db,log,loop,not-believed,operator-session}.ts'
const EDGE = 'src/edge/{at-once,log}.ts'
const EDGE_SETTINGS = 'src/edge/{config,env}.ts'
/** What all parts of a Device Object share; the object itself stands apart. */
const OBJECT = 'durable-objects/device'
const OBJECT_SHELL = 'durable-objects/device/device-object.ts'
/** What an object does in its own time goes through its rooms too. */
const UPKEEP = 'durable-objects/device/upkeep.ts'
/** What people of a country must see: an object of its own. */
const COUNTRY = 'durable-objects/country'
const COUNTRY_SHELL = 'durable-objects/country/country-object.ts'
/** What a person votes about in a day: an object of its own. */
const PERSON_SHELL = 'durable-objects/person/person-object.ts'
const RESERVATION = 'durable-objects/person/reservation.ts'
const OBJECT_ROOMS = ['admit', 'settle', 'people', 'owed', 'bytes', 'sql'].map(
  (room) => `durable-objects/device/${room}`,
)
const STAND_INS =
  'dev/{children,children-guard,d1-migrations,delay-line,fault-proxy,issuer,lock,postgres,random,reconciler-process,secrets,sira,stack,sweeps,telephones,workerd,workerd-bundle}.ts'

export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  // The ground: the contract, cryptography, the rules of risk. Runs everywhere.
  'src/protocol': [],
  'src/crypto': ['src/protocol'],
  'src/risk': GROUND,

  // What runs on phones and tills. Inside the SDK no arrow goes up.
  [SDK[0]]: ['src/protocol', 'src/device/sdk/exchange/fault.ts'],
  [SDK[1]]: [...GROUND, SDK[0]],
  [SDK[2]]: [...GROUND, ...SDK.slice(0, 2)],
  [SDK[3]]: [...GROUND, ...SDK.slice(0, 3)],
  'src/device/sdk/rescue': [...GROUND, ...SDK],
  'src/device/sdk/exchange': [...GROUND, ...SDK, 'src/device/sdk/holders-word.ts', 'src/device/sdk/payment-terms.ts'],
  'src/device/sdk': [...GROUND, ...SDK, 'src/device/sdk/rescue', 'src/device/sdk/exchange'],
  'src/device/browser': [...GROUND, ...SDK, 'src/device/sdk/rescue', 'src/device/sdk'],
  'src/device/simulation': ['src/device/sdk'],
  'src/device/qr': ['src/protocol', 'src/device/qr/merchant'],
  'src/device/qr/merchant': ['src/protocol'],
  'src/device/relay': [
    'src/protocol',
    'src/device/sdk',
    'src/device/sdk/ports',
    'src/device/sdk/store',
    'src/device/sdk/sync',
  ],
  'src/ui/**': ['src/protocol', 'src/device/sdk', 'src/device/qr'],
  'src/web': [],
  'src/web/shared/**': PAGES,
  'src/web/pos/**': [...PAGES, 'src/device/sdk/sync/schedule.ts', 'src/device/relay', 'src/web/shared/**'],
  'src/web/wallet/**': [...PAGES, 'src/web/shared/**'],

  // The Worker and its Durable Objects.
  'src/index.ts': [
    'src/edge',
    EDGE_SETTINGS,
    'src/edge/metrics',
    'src/edge/store',
    ...OBJECT_ROOMS,
    OBJECT_SHELL,
    COUNTRY_SHELL,
    PERSON_SHELL,
  ],
  'src/edge': [...GROUND, EDGE, EDGE_SETTINGS, 'src/edge/routes', 'src/edge/ingest', 'src/edge/store'],
  [EDGE]: [],
  [EDGE_SETTINGS]: [
    ...GROUND,
    'src/risk',
    'src/edge/auth/person.ts',
    'src/edge/metrics/recorder.ts',
    OBJECT,
    OBJECT_SHELL,
    COUNTRY_SHELL,
    PERSON_SHELL,
  ],
  'src/edge/auth': ['src/protocol', 'src/crypto/mac.ts', EDGE_SETTINGS, 'src/edge/ingest/refusal.ts'],
  'src/edge/ingest': [
    ...GROUND,
    'src/risk',
    EDGE,
    EDGE_SETTINGS,
    'src/edge/metrics/alarm.ts',
    'src/edge/store',
    OBJECT,
  ],
  // What is decided of a policy and of a code, for routes to wire: no platform.
  'src/edge/policies': ['src/protocol', 'src/crypto/mac.ts', 'src/risk', 'src/edge/ingest/refusal.ts'],
  'src/edge/enrolment': [
    'src/protocol',
    'src/crypto/mac.ts',
    'src/edge/ingest/refusal.ts',
    'durable-objects/device/device.ts',
  ],
  'src/edge/settle': ['src/protocol', EDGE, EDGE_SETTINGS, 'src/edge/store'],
  'src/edge/metrics': ['src/protocol', 'src/risk', 'src/edge/log.ts', 'src/edge/store/index-message.ts', COUNTRY],
  'src/edge/routes': [
    ...GROUND,
    'src/risk',
    EDGE,
    EDGE_SETTINGS,
    'src/edge/auth',
    'src/edge/ingest',
    'src/edge/metrics',
    'src/edge/policies',
    'src/edge/enrolment',
    'src/edge/routes/schemas',
    'src/edge/settle',
    'src/edge/store',
    OBJECT,
    COUNTRY,
  ],
  'src/edge/routes/schemas': ['src/protocol', 'src/edge/ingest/open-stored.ts', 'src/edge/policies/proposal.ts'],
  'src/edge/store': [
    ...GROUND,
    'src/risk',
    EDGE,
    EDGE_SETTINGS,
    'src/edge/metrics',
    'src/edge/policies/change.ts',
    'src/edge/policies/proposal.ts',
    'src/edge/enrolment/code.ts',
    OBJECT,
    COUNTRY,
  ],

  [OBJECT]: [
    ...GROUND,
    'src/risk',
    'src/edge/store/index-message.ts',
    'durable-objects/device/sql',
    'durable-objects/device/owed/owed.ts',
    COUNTRY_SHELL,
    PERSON_SHELL,
  ],
  'durable-objects/device/sql': [
    'src/protocol',
    'src/risk',
    'src/edge/store/index-message.ts',
    OBJECT,
    // What a decision asks to see, and what is owed, is what is read.
    'durable-objects/device/admit/admission.ts',
    'durable-objects/device/admit/known-entries.ts',
    // When the waiting of a row ends follows from the row.
    'durable-objects/device/people/ending.ts',
  ],
  'durable-objects/device/owed': [
    ...GROUND,
    'src/risk',
    EDGE,
    EDGE_SETTINGS,
    'src/edge/metrics',
    'src/edge/store',
    OBJECT,
    'durable-objects/device/sql',
    'durable-objects/device/people/ending.ts',
    COUNTRY,
  ],
  'durable-objects/device/admit': [
    ...GROUND,
    'src/risk',
    OBJECT,
    'durable-objects/device/sql',
    'durable-objects/device/owed',
  ],
  'durable-objects/device/bytes': [...GROUND, 'src/edge/log.ts', OBJECT, 'durable-objects/device/sql'],
  'durable-objects/device/people': [
    ...GROUND,
    'src/edge/log.ts',
    OBJECT,
    'durable-objects/device/sql',
    'durable-objects/device/owed',
    'durable-objects/device/admit',
    RESERVATION,
  ],
  'durable-objects/device/settle': [
    ...GROUND,
    'src/risk',
    'src/edge/log.ts',
    'src/edge/store/index-message.ts',
    OBJECT,
    'durable-objects/device/sql',
    'durable-objects/device/owed',
    'durable-objects/device/people',
  ],
  [UPKEEP]: ['src/protocol', EDGE, EDGE_SETTINGS, ...OBJECT_ROOMS],
  [OBJECT_SHELL]: [
    ...GROUND,
    EDGE,
    EDGE_SETTINGS,
    'src/edge/store/index-message.ts',
    OBJECT,
    UPKEEP,
    ...OBJECT_ROOMS,
    RESERVATION,
  ],

  [COUNTRY]: ['src/protocol', 'src/edge/store/index-message.ts', 'src/edge/store/policy-rows.ts', OBJECT],
  [COUNTRY_SHELL]: ['src/protocol', 'src/edge/store/index-message.ts', COUNTRY],

  'durable-objects/person': ['src/protocol'],
  [PERSON_SHELL]: ['durable-objects/person'],

  // The reconciler: what happens to a message, in this order. It never reaches the edge's code.
  [RECONCILER]: [...GROUND, 'src/risk'],
  'reconciler/tell': [...GROUND, RECONCILER],
  'reconciler/pull': [...GROUND, RECONCILER, 'reconciler/tell'],
  'reconciler/codes': [...GROUND, RECONCILER, 'reconciler/tell'],
  'reconciler/registry': [...GROUND, RECONCILER, 'reconciler/tell', 'reconciler/pull', 'reconciler/codes'],
  'reconciler/settle': [...GROUND, 'src/risk', RECONCILER, 'reconciler/tell', 'reconciler/pull', 'reconciler/registry'],
  'reconciler/verify': [...GROUND, RECONCILER, 'reconciler/codes', 'reconciler/registry', 'reconciler/settle'],
  'reconciler/verify/follow': [...GROUND, RECONCILER, 'reconciler/codes', 'reconciler/settle', 'reconciler/verify'],
  'reconciler/report': [...GROUND, RECONCILER],
  'reconciler/accounts': [RECONCILER],
  'reconciler/commands': [
    ...GROUND,
    RECONCILER,
    'reconciler',
    'reconciler/codes',
    'reconciler/pull',
    'reconciler/verify',
    'reconciler/report',
    'reconciler/accounts',
  ],
  reconciler: [
    ...GROUND,
    'src/risk',
    RECONCILER,
    'reconciler/codes',
    'reconciler/pull',
    'reconciler/tell',
    'reconciler/registry',
    'reconciler/settle',
    'reconciler/verify',
    'reconciler/verify/follow',
    'reconciler/commands',
  ],

  // What stands in locally, the market day, the benchmarks.
  'dev/queue': [],
  [STAND_INS]: [...GROUND, 'src/edge/auth/person.ts', 'reconciler/migrate.ts'],
  'dev/fleet': [...GROUND, 'src/device/sdk', STAND_INS, 'dev/market-day.ts'],
  'dev/data': ['src/protocol', 'dev/random.ts'],
  dev: [...GROUND, 'src/device/qr', 'src/edge/auth/person.ts', STAND_INS, 'dev/fleet'],
  // All of it in one process: the only place that has the edge's code beside the reconciler's. Nothing imports it.
  'sim/**': [
    ...GROUND,
    'src/risk',
    'src/device/sdk',
    'src/device/sdk/sync',
    'src/device/relay',
    'src/index.ts',
    'src/edge/auth',
    'src/edge/ingest',
    'src/edge/metrics',
    'src/edge/store',
    EDGE_SETTINGS,
    RECONCILER,
    'reconciler',
    'reconciler/pull',
    'reconciler/tell',
    'reconciler/registry',
    'reconciler/settle',
    'reconciler/verify',
    'reconciler/commands/release.ts',
    STAND_INS,
    'dev/queue',
    'dev/fleet',
    'bench/count.ts',
  ],
  'bench/risk/**': [
    ...GROUND,
    'src/risk',
    'durable-objects/device',
    'durable-objects/device/admit',
    'reconciler/registry',
    'reconciler/settle',
    'dev/random.ts',
    'bench/**',
    'bench/count.ts',
  ],
  'bench/**': [
    ...GROUND,
    'src/device/sdk',
    'src/device/browser',
    'src/index.ts',
    EDGE,
    EDGE_SETTINGS,
    OBJECT_SHELL,
    COUNTRY_SHELL,
    PERSON_SHELL,
    'reconciler',
    'reconciler/tell',
    STAND_INS,
    'dev/fleet',
    'test/kit/bundled.ts',
    'test/kit/chromium.ts',
    // Attacks on the ledger, whose detection is timed.
    'test/kit/device.ts',
    'test/kit/payers.ts',
    'test/reconciler/kit.ts',
    'test/reconciler/open-database.ts',
    'test/attacks/ledger/kinds.ts',
    'test/attacks/ledger/planted.ts',
    'bench/risk/**',
  ],
}

/** Packages that a room may use, by the start of its path; a platform's modules are packages like any other. */
export const PACKAGES: Readonly<Record<string, RegExp>> = {
  'src/protocol': /^$/,
  'src/crypto': /^(hpke|@panva\/hpke-noble|@noble\/.+|zod)$/,
  'src/risk': /^zod$/,
  'src/device/sdk': /^@noble\//,
  'src/device/browser': /^idb$/,
  'src/device/qr': /^(qr|qr\/decode\.js|@noble\/hashes\/sha2\.js)$/,
  'src/device/relay': /^$/,
  'src/ui': /^react$/,
  'src/web': /^(react|react-dom\/client|workbox-(precaching|window)|vite-plugin-pwa)$/,
  'src/index.ts': /^$/,
  'src/edge': /^(hono(\/.+)?|@hono\/zod-openapi|zod|jose|drizzle-orm(\/.+)?)$/,
  'src/edge/policies': /^$/,
  'src/edge/enrolment': /^$/,
  'durable-objects': /^(cloudflare:workers|drizzle-orm(\/.+)?)$/,
  reconciler: /^(node:.+|pg|pino|prom-client|postgrator|cloudflare(\/.+)?|jose|zod)$/,
}
