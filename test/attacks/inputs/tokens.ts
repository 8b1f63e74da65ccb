import { CompactEncrypt, exportJWK, exportSPKI, generateKeyPair, type JWK } from 'jose'

/**
 * Tokens that nobody may be let in with. Most are signed with a key that the issuer really publishes: what is wrong is
 * what they say, or how. Runs in Node and in workerd.
 */
export interface BadToken {
  readonly name: string
  readonly token: string
  readonly code: 'unauthorized' | 'forbidden'
}

export interface TokenKeys {
  readonly es256: CryptoKeyPair
  readonly rs256: CryptoKeyPair
  readonly ed25519: CryptoKeyPair
  /** Never published. */
  readonly stranger: CryptoKeyPair
  readonly jwks: { readonly keys: readonly JWK[] }
}

export interface Meant {
  readonly issuer: string
  readonly audience: string
  readonly nowMs: number
}

const KIDS = { es256: 'es-1', rs256: 'rs-1', ed25519: 'ed-1' } as const
type Json = Record<string, unknown>

export async function tokenKeys(): Promise<TokenKeys> {
  const make = async (alg: string) =>
    (await generateKeyPair(alg, { extractable: true, ...(alg === 'EdDSA' && { crv: 'Ed25519' }) })) as CryptoKeyPair
  const [es256, rs256, ed25519] = await Promise.all([make('ES256'), make('RS256'), make('EdDSA')])
  const [stranger, weak, p384] = await Promise.all([make('ES256'), weakRsa(), make('ES384')])
  const jwk = async (key: CryptoKey, alg: string, kid: string): Promise<JWK> => ({
    ...(await exportJWK(key)),
    alg,
    kid,
    use: 'sig',
  })
  const keys = [
    await jwk(es256.publicKey, 'ES256', KIDS.es256),
    await jwk(rs256.publicKey, 'RS256', KIDS.rs256),
    await jwk(ed25519.publicKey, 'EdDSA', KIDS.ed25519),
    // Keys that an issuer may publish and that no token may be verified with.
    { ...(await jwk(es256.publicKey, 'ES256', 'for-encryption')), use: 'enc' },
    { ...(await jwk(es256.publicKey, 'ES256', 'to-derive')), key_ops: ['deriveBits'] },
    await jwk(weak.publicKey, 'RS256', 'rsa-1024'),
    await jwk(p384.publicKey, 'ES384', 'p-384'),
    await jwk(es256.publicKey, 'ES256', 'twice'),
    await jwk(stranger.publicKey, 'ES256', 'twice'),
    { kty: 'oct', kid: 'shared', alg: 'HS256', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I' },
    { ...(await exportJWK(es256.privateKey)), alg: 'ES256', kid: 'private-too' },
  ]
  return { es256, rs256, ed25519, stranger, jwks: { keys } }
}

const weakRsa = () =>
  crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  ) as Promise<CryptoKeyPair>

const b64 = (value: string | Uint8Array | ArrayBuffer): string => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : new Uint8Array(value)
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

const PARAMETERS: Record<string, { readonly name: string } & Json> = {
  ECDSA: { name: 'ECDSA', hash: 'SHA-256' },
  'RSASSA-PKCS1-v1_5': { name: 'RSASSA-PKCS1-v1_5' },
  Ed25519: { name: 'Ed25519' },
}

/** Signs texts as they are: also such as no library would make. */
async function signRaw(key: CryptoKey, header: string, payload: string): Promise<string> {
  const input = `${b64(header)}.${b64(payload)}`
  const parameters = PARAMETERS[key.algorithm.name] as { readonly name: string }
  const signature = await crypto.subtle.sign(parameters, key, new TextEncoder().encode(input))
  return `${input}.${b64(signature)}`
}

async function hmac(secret: Uint8Array, header: Json, payload: Json): Promise<string> {
  const key = await crypto.subtle.importKey('raw', secret as BufferSource, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  const input = `${b64(JSON.stringify(header))}.${b64(JSON.stringify(payload))}`
  return `${input}.${b64(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(input)))}`
}

export const goodClaims = ({ issuer, audience, nowMs }: Meant): Json => {
  const now = Math.floor(nowMs / 1000)
  return { iss: issuer, aud: audience, sub: 'ops-1', iat: now - 10, exp: now + 300, roles: ['pay_admin'] }
}

/** A token that must be taken: without it a corpus of refusals proves nothing. */
export const goodToken = (keys: TokenKeys, meant: Meant, alg: keyof typeof KIDS = 'es256', over: Json = {}) =>
  signRaw(keys[alg].privateKey, JSON.stringify(header(alg)), JSON.stringify({ ...goodClaims(meant), ...over }))

const header = (alg: keyof typeof KIDS) => ({
  alg: { es256: 'ES256', rs256: 'RS256', ed25519: 'EdDSA' }[alg],
  kid: KIDS[alg],
  typ: 'JWT',
})

export async function badTokens(keys: TokenKeys, meant: Meant): Promise<readonly BadToken[]> {
  const now = Math.floor(meant.nowMs / 1000)
  const claims = goodClaims(meant)
  const es = header('es256')
  const good = await goodToken(keys, meant)
  const [h = '', p = '', s = ''] = good.split('.')
  const signed = (head: Json, body: Json = claims, key = keys.es256.privateKey) =>
    signRaw(key, JSON.stringify(head), JSON.stringify(body))
  const says = (over: Json) => signed(es, { ...claims, ...over })
  const without = (name: string) => signed(es, Object.fromEntries(Object.entries(claims).filter(([k]) => k !== name)))
  const raw = (head: string, body: string) => signRaw(keys.es256.privateKey, head, body)
  const spki = new TextEncoder().encode(await exportSPKI(keys.rs256.publicKey))
  const ecSpki = new Uint8Array((await crypto.subtle.exportKey('spki', keys.es256.publicKey)) as ArrayBuffer)
  const strangerJwk = await exportJWK(keys.stranger.publicKey)
  const byStranger = (head: Json) => signed({ ...es, ...head }, claims, keys.stranger.privateKey)
  const jwe = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: KIDS.es256 })
    .encrypt((await generateKeyPair('ECDH-ES')).publicKey)
  const text = JSON.stringify(claims)
  const flip = (part: string, at: number) => part.slice(0, at) + (part[at] === 'A' ? 'B' : 'A') + part.slice(at + 1)

  const unauthorized: [string, string | Promise<string>][] = [
    // Algorithms
    ['alg none, without a signature', `${b64(JSON.stringify({ alg: 'none', kid: KIDS.es256 }))}.${p}.`],
    ['alg none, with the signature of another', `${b64(JSON.stringify({ alg: 'none', kid: KIDS.es256 }))}.${p}.${s}`],
    ['alg NoNe', `${b64(JSON.stringify({ alg: 'NoNe', kid: KIDS.es256 }))}.${p}.${s}`],
    ['HS256 with the public RSA key, as PEM', hmac(spki, { alg: 'HS256', kid: KIDS.rs256 }, claims)],
    ['HS256 with the public EC key, as DER', hmac(ecSpki, { alg: 'HS256', kid: KIDS.es256 }, claims)],
    ['HS256 with an empty secret', hmac(new Uint8Array(1), { alg: 'HS256', kid: KIDS.es256 }, claims)],
    [
      'HS256 with a shared key of the set',
      hmac(new TextEncoder().encode('secret-secret-secret-secret-secr'), { alg: 'HS256', kid: 'shared' }, claims),
    ],
    ['ES256 named RS256', signed({ ...es, alg: 'RS256' })],
    ['RS256 by the key id of the EC key', signed({ ...es, alg: 'RS256' }, claims, keys.rs256.privateKey)],
    ['EdDSA by the key id of the EC key', signed({ ...es, alg: 'EdDSA' }, claims, keys.ed25519.privateKey)],
    ['ES384, which is not ours', signed({ alg: 'ES384', kid: 'p-384' })],
    ['PS256, which is not ours', signed({ alg: 'PS256', kid: KIDS.rs256 }, claims, keys.rs256.privateKey)],
    ['alg is a list', signed({ ...es, alg: ['ES256'] })],
    ['no alg', signed({ kid: KIDS.es256 })],
    // Signatures
    ['signed by a stranger', byStranger({})],
    ['a byte of the signature changed', `${h}.${p}.${flip(s, 20)}`],
    ['the signature of another token', says({ sub: 'other' }).then((t) => `${h}.${p}.${t.split('.')[2]}`)],
    ['an empty signature', `${h}.${p}.`],
    ['a signature of zeros', `${h}.${p}.${b64(new Uint8Array(64))}`],
    ['a signature that is too short', `${h}.${p}.${s.slice(0, 40)}`],
    ['a DER signature', `${h}.${p}.${b64(new Uint8Array([0x30, 0x44, 0x02, 0x20, ...new Uint8Array(66)]))}`],
    [
      'an unsigned payload in place of the signed one',
      `${h}.${b64(JSON.stringify({ ...claims, sub: 'root', roles: ['pay_admin'] }))}.${s}`,
    ],
    ['an unsigned header in place of the signed one', `${b64(JSON.stringify({ ...es, typ: 'at+jwt' }))}.${p}.${s}`],
    // Form
    ['no token', 'x'],
    ['two parts', `${h}.${p}`],
    ['four parts', `${good}.${s}`],
    ['cut off in the payload', good.slice(0, h.length + 20)],
    ['cut off by one character', good.slice(0, -1)],
    ['padded', `${h}.${p}.${s}==`],
    [
      'stray bits at the end of the signature',
      `${h}.${p}.${s.slice(0, -1)}${{ A: 'B', Q: 'R', g: 'h', w: 'x' }[s.slice(-1)]}`,
    ],
    ['huge, and signed', says({ more: 'x'.repeat(100_000) })],
    ['huge, and nonsense', 'A'.repeat(9000)],
    ['deeply nested, and signed', raw(JSON.stringify(es), `${'['.repeat(2800)}${']'.repeat(2800)}`)],
    ['header is no JSON', raw('{"alg":"ES256",', text)],
    ['header is a list', raw('["ES256"]', text)],
    ['header is null', raw('null', text)],
    ['payload is no JSON', raw(JSON.stringify(es), 'sub=ops-1&roles=pay_admin')],
    ['payload is a list', raw(JSON.stringify(es), `[${text}]`)],
    ['payload is no UTF-8', signRaw(keys.es256.privateKey, JSON.stringify(es), text).then(withBadUtf8(keys))],
    ['a member of the header twice', raw(`{"alg":"none","alg":"ES256","kid":"${KIDS.es256}"}`, text)],
    ['the same member spelt in two ways', raw(`{"\\u0061lg":"none","alg":"ES256","kid":"${KIDS.es256}"}`, text)],
    ['a claim twice', raw(JSON.stringify(es), text.replace('{', '{"sub":"root",'))],
    ['a claim of a claim twice', raw(JSON.stringify(es), text.replace('{', '{"act":{"sub":"a","sub":"b"},'))],
    ['a JWE', jwe],
    ['a JWE in three parts', jwe.split('.').slice(0, 3).join('.')],
    ['a token in a token', signRaw(keys.es256.privateKey, JSON.stringify({ ...es, cty: 'JWT' }), good)],
    ['a token in a token, that does not say so', raw(JSON.stringify(es), good)],
    // Header
    ['crit', signed({ ...es, crit: ['exp'], exp: now + 300 })],
    ['crit that names what every library knows', signed({ ...es, crit: ['b64'], b64: true })],
    ['crit that is empty', signed({ ...es, crit: [] })],
    ['b64 false', signed({ ...es, b64: false })],
    ['zip', signed({ ...es, zip: 'DEF' })],
    ['a key of its own', byStranger({ jwk: strangerJwk })],
    ['a key of its own beside a good signature', signed({ ...es, jwk: strangerJwk })],
    ['a key set of its own', byStranger({ jku: 'https://stranger.test/jwks' })],
    ['a certificate of its own', byStranger({ x5c: ['MIIB'] })],
    ['a certificate elsewhere', byStranger({ x5u: 'https://stranger.test/cert' })],
    ['typ of a logout token', signed({ ...es, typ: 'logout+jwt' })],
    ['typ of a security event', signed({ ...es, typ: 'secevent+jwt' })],
    ['typ of a DPoP proof', signed({ ...es, typ: 'dpop+jwt' })],
    ['typ is a number', signed({ ...es, typ: 1 })],
    // Key ids
    ['no kid', signed({ alg: 'ES256' })],
    ['unknown kid', signed({ ...es, kid: 'es-2' })],
    ['kid is a list', signed({ ...es, kid: [KIDS.es256] })],
    ['kid is __proto__', raw(`{"alg":"ES256","kid":"__proto__"}`, text)],
    ['kid is a path', signed({ ...es, kid: '../../../../dev/null' })],
    ['kid is SQL', signed({ ...es, kid: "x' UNION SELECT 'key' --" })],
    ['kid is a URL', signed({ ...es, kid: 'https://stranger.test/jwks#es-1' })],
    ['kid with a space behind it', signed({ ...es, kid: `${KIDS.es256} ` })],
    ['kid in capitals', signed({ ...es, kid: KIDS.es256.toUpperCase() })],
    ['kid of a thousand characters', signed({ ...es, kid: 'k'.repeat(1000) })],
    ['kid of a key for encryption', signed({ ...es, kid: 'for-encryption' })],
    ['kid of a key to derive with', signed({ ...es, kid: 'to-derive' })],
    ['kid that two keys share', signed({ ...es, kid: 'twice' })],
    ['kid of a published private key', signed({ ...es, kid: 'private-too' })],
    ['kid of a weak RSA key', signed({ alg: 'RS256', kid: 'rsa-1024' }, claims, keys.rs256.privateKey)],
    // Claims
    ['no iss', without('iss')],
    ['another iss', says({ iss: 'https://stranger.test' })],
    ['iss with a slash more', says({ iss: `${meant.issuer}/` })],
    ['iss is a list', says({ iss: [meant.issuer] })],
    ['no aud', without('aud')],
    ['another aud', says({ aud: 'molam-online' })],
    ['aud that begins like ours', says({ aud: `${meant.audience}-2` })],
    ['aud is an object', says({ aud: { [meant.audience]: true } })],
    ['aud is an empty list', says({ aud: [] })],
    ['no exp', without('exp')],
    ['expired a minute ago', says({ exp: now - 60 })],
    ['expires when it is issued', says({ iat: now, exp: now })],
    ['exp is a text', says({ exp: String(now + 300) })],
    ['exp is null', says({ exp: null })],
    ['exp in milliseconds of 1970', says({ exp: 1 })],
    ['exp beyond any number', raw(JSON.stringify(es), text.replace(/"exp":\d+/, '"exp":1e999'))],
    ['not valid before in a minute', says({ nbf: now + 60 })],
    ['nbf is a text', says({ nbf: 'now' })],
    ['no iat', without('iat')],
    ['issued in a minute', says({ iat: now + 60 })],
    ['issued two days ago, for a week', says({ iat: now - 2 * 86_400, exp: now + 5 * 86_400 })],
    ['iat in milliseconds', says({ iat: meant.nowMs, exp: meant.nowMs + 300_000 })],
    ['no sub', without('sub')],
    ['sub is empty', says({ sub: '' })],
    ['sub is a number', says({ sub: 1 })],
    ['sub of a thousand characters', says({ sub: 's'.repeat(1000) })],
    ['no roles', without('roles')],
    ['roles is a text', says({ roles: 'pay_admin' })],
    ['roles is an object', says({ roles: { 0: 'pay_admin', length: 1 } })],
    ['roles is null', says({ roles: null })],
    ['roles in a list in a list', says({ roles: [['pay_admin']] })],
    ['a role that nobody knows', says({ roles: ['pay_root'] })],
    ['a role that nobody knows beside one', says({ roles: ['pay_admin', 'pay_root'] })],
    ['a role in capitals', says({ roles: ['PAY_ADMIN'] })],
    ['a role with a space', says({ roles: ['pay_admin '] })],
    ['more roles than there are', says({ roles: Array(50).fill('pay_admin') })],
    ['tenant is empty', says({ tenant: '' })],
    ['tenant is null', says({ tenant: null })],
    ['tenant is a list', says({ tenant: ['molam'] })],
    ['tenant is a pattern', says({ tenant: '*' })],
  ]
  const forbidden: [string, Promise<string>][] = [
    ['roles is empty', says({ roles: [] })],
    ['a role that does not register devices', says({ roles: ['pay_auditor'] })],
    ['two roles that do not register devices', says({ roles: ['pay_auditor', 'pay_reviewer'] })],
    ['another tenant', says({ tenant: 'other' })],
  ]
  const all = [
    ...unauthorized.map((entry) => [...entry, 'unauthorized'] as const),
    ...forbidden.map((entry) => [...entry, 'forbidden'] as const),
  ]
  return Promise.all(all.map(async ([name, token, code]) => ({ name, token: await token, code })))
}

/** The same claims with a byte that no UTF-8 has, signed. */
const withBadUtf8 = (keys: TokenKeys) => async (token: string) => {
  const [h = '', p = ''] = token.split('.')
  const bytes = Uint8Array.from(atob(p.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  bytes[bytes.length - 3] = 0xff
  const input = `${h}.${b64(bytes)}`
  const signature = await crypto.subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    keys.es256.privateKey,
    new TextEncoder().encode(input),
  )
  return `${input}.${b64(signature)}`
}
