/** Every bound of the wire in one place, each with the reason for its number. */

/** Payments in one bundle. Bounds the work of one push; 100 payments still fit a 2 s transfer at 50 kbit/s. */
export const PAYMENTS_PER_BUNDLE_MAX = 100

/** Bytes of a signed bundle. 100 payments with full meta and authorizations, and below a Queue's 128 KB message. */
export const BUNDLE_BYTES_MAX = 64 * 1024

/** Bytes of a request body: the JSON form carries the bundle as base64url (4/3) in a small envelope. */
export const PUSH_BODY_BYTES_MAX = Math.ceil((BUNDLE_BYTES_MAX * 4) / 3) + 64

/** Nesting of CBOR. The deepest legal structure, a payment's meta, is at 5; a recursive decoder stays far from its stack. */
export const CBOR_DEPTH_MAX = 8

/** Characters of a wallet or merchant id. Fits E.164 numbers, UUIDs and the ids of the wallets we know. */
export const PARTY_CHARS_MAX = 64

/** Bytes of a payment's encoded meta: an invoice number and a till, not a document. */
export const META_BYTES_MAX = 1024

/** Bytes of a payer's authorization: 101 to 128, its payload detached and its signature one of 64 bytes. */
export const AUTHORIZATION_BYTES_MAX = 128

/** Bytes of a payer's pass: about 175; with a wallet and a device id at their longest 280. */
export const PASS_BYTES_MAX = 288

/** How long a pass is good for, in hours: a week, in which a phone finds a network. */
export const PASS_HOURS_MAX = 168

/** Changes to denied passes in one notice; the device is told the next ones. */
export const DENIED_PER_NOTICE_MAX = 500

/** Allowances of a device in all: its numbers stay small on the wire. */
export const ALLOWANCE_NO_MAX = 0xffff_ffff

/** Bytes of what a taker shows a payer's phone: a wallet and its id at their longest take 170. */
export const PAYMENT_REQUEST_BYTES_MAX = 192

/** Bytes of an agent's approval: with a P-256 signature 120 to 180, which is one QR code; with RSA of 4096 bits 630. */
export const APPROVAL_BYTES_MAX = 640

/** Bytes of what a taker shows an agent: two wallets and its id, each at its longest, take 250. */
export const APPROVAL_REQUEST_BYTES_MAX = 256

/** How long after it was signed an authorization or an approval is good for a payment: payer and agent stand beside the till, and somebody looks for change. */
export const SECOND_SIGNATURE_MINUTES = 15

/** Times on the wire are whole seconds since 1970: until the year 36 812, well within what a date can hold. */
export const SECONDS_MAX = 2 ** 40

/** Amounts are integers in minor units and stay exact in a double. */
export const AMOUNT_MAX = Number.MAX_SAFE_INTEGER

/**
 * The last counter and seq: one payment a second for 136 years; keeps gap arithmetic exact and columns small. The 2^16
 * numbers up to 2^32 are nobody's, so that counting on from a number that was taken stays in 32 bits.
 */
export const COUNTER_MAX = 2 ** 32 - 2 ** 16

/**
 * How far ahead of the highest that was admitted a counter or seq may lie. No device loses that many payments or bundles, and
 * a few wrong numbers must not use up all that it has.
 */
export const NUMBER_JUMP_MAX = 2 ** 16

/**
 * Runs of counters that were seen from a device: one, and one more for each gap. A device that counts has none; a thousand
 * bundles lost in between are more than any that come back, and 20 KB of its row.
 */
export const COUNTER_RANGES_MAX = 1000

/** Outcomes in one notice; the cursor brings the rest. Keeps an answer below about 30 KB on a weak network. */
export const OUTCOMES_PER_NOTICE_MAX = 500

/** Missing counters named in one notice; the device resends these and is told the next ones. */
export const MISSING_PER_NOTICE_MAX = 200

/** Open claims on a wallet that its devices are shown, the oldest of them: nobody answers more in three days. */
export const CLAIMS_PER_NOTICE_MAX = 50

/**
 * Payments that mandates pay out of a wallet in a day, over all tills: whoever sees his list within five days sees all of them, and a crowd
 * of small ones hides no larger one.
 */
export const MANDATED_PER_DAY_MAX = 10

/** Payments by its mandates that a wallet's devices are shown, the newest of them: some days of small things. */
export const MANDATED_PER_NOTICE_MAX = 50

/** Payments on their holder's word that a wallet's devices are told of, the newest of them: 6 KB in a notice. */
export const DEBITS_PER_NOTICE_MAX = 50

/** Bytes of a holder's answer to a claim: a COSE_Sign1 with a P-256 signature takes about 200. */
export const CLAIM_ANSWER_BYTES_MAX = 1024

/** Bytes of a mandate: about as many as an answer, with a wallet's name at its longest. */
export const MANDATE_BYTES_MAX = 1024

/** Bytes of an order about an allowance: as many as a mandate has. */
export const ALLOWANCE_ORDER_BYTES_MAX = 1024

/** How long a phone may sign under an allowance, in days: what a pass is good for. */
export const ALLOWANCE_DAYS = 7

/** How long a mandate may be for, in days. */
export const MANDATE_DAYS_MAX = 366

/** Bytes of nonce, bundle id and chained digest half. */
export const NONCE_BYTES = 16
export const BUNDLE_ID_BYTES = 16
export const PREV_BYTES = 16

/** Bytes of a key id: the first 8 of the COSE key thumbprint. */
export const KEY_ID_BYTES = 8
/** SHA-256. */
export const THUMBPRINT_BYTES = 32

/** Versions of a country's policy: people make them, and the book keeps them as 32-bit integers. */
export const POLICY_VERSION_MAX = 0x7fff_ffff

/** Earlier keys of a device that one message names: the newest, and each that there is consent for. A second one is rare. */
export const OLDER_KEYS_MAX = 16

/** Consents of a device that one message names, the newest of them: one a year, and one for each key. */
export const CONSENTS_MAX = 8

/** Days that a consent is good for: a till that nobody remembers stops paying after a year. */
export const CONSENT_DAYS_MAX = 366

/** Bytes of what a new device shows to be consented to: a wallet, its id and a thumbprint, each at its longest, take 170. */
export const CONSENT_REQUEST_BYTES_MAX = 256

/** Bytes of a device's consent: with a P-256 signature at most 340, which is one QR code; with RSA of 4096 bits 790. */
export const CONSENT_WORD_BYTES_MAX = 800

/** How long a code to the holder is good for: a message comes within a minute or two, and a phone is looked for a while. */
export const CODE_VALID_MS = 15 * 60_000

/** Answers to one code: a mistyped digit or two. Whoever guesses finds one of 10^8 codes in 20 million requests. */
export const CODE_TRIES_MAX = 5

/** Codes that a device may ask for, and that are sent to a wallet, in a day: nobody fills a holder's phone with them. */
export const CODES_PER_DAY_MAX = 3

/** Bytes of a consent as the edge signed it, with the device's word in it: 1250 at the most. */
export const SIGNED_CONSENT_BYTES_MAX = 1536

/** Characters of a person's name as the audit has it. */
export const PERSON_CHARS_MAX = 160

/**
 * Days after its bundle was admitted within which a payment can be reversed. Schemes settle disputes in 60 to 120 days, and what
 * was earned is not taken back for ever.
 */
export const REVERSAL_DAYS_MAX = 90

/** Unicode characters (code points) of the reason that people give for a decision: a sentence or two. */
export const REVIEW_REASON_CHARS_MAX = 500

/** The last moment that a Date can hold (ECMA-262, 21.4.1.1): whoever shows a later one fails. */
export const DATE_MS_MAX = 8.64e15
