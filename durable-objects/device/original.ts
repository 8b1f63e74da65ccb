/** The signed bundle and the signed receipt of an admission, the very bytes. */
export interface Original {
  readonly bundleId: Uint8Array
  readonly bundle: Uint8Array
  readonly receipt: Uint8Array
}

/** Asked for in one call: with bundles of the largest size a fifth of what an answer may hold. */
export const ORIGINALS_MAX = 100
