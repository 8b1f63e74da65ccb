/** Who did something, as far as it was verified. */
export interface Actor {
  /** `device`, `reconciler`, `system`, or `user:<subject>`. */
  readonly actor: string
  readonly requestId?: string
  /** From where, as far as the network knows: place and the front of the address. */
  readonly from?: string
}

/** A person who changes something. */
export interface Person extends Actor {
  /** May touch this tenant's devices only; undefined: all. */
  readonly tenant?: string
  readonly once?: Once
}

/** The `Idempotency-Key` of a write: the same one with the same fingerprint gets the same answer, and changes nothing. */
export interface Once {
  readonly key: string
  /** SHA-256 over method, path and body, hex. */
  readonly fingerprint: string
}

/** Why a person's change was not made. */
export type ChangeRefusal =
  | 'not_found'
  | 'idempotency_conflict'
  | 'state_conflict'
  | 'already_voted'
  | 'weak_key'
  | 'registrar_cannot_vote'
  | 'too_late_to_reverse'
  | 'temporarily_unavailable'
