/**
 * What a payment does about the network.
 *
 * - `prefer_online`: it is written to disk, and pushed at once where the network seems to be there and the SDK syncs by
 *   itself (`autoSync`). It never waits for longer than `onlineWithinMs`, and not at all where the last contact failed.
 * - `require_online`: it is taken only right after the edge has answered, and then pushed. No answer: `online_required`,
 *   and nothing was taken. The network can still fail between that answer and the receipt: then the payment is voided if
 *   it never left the device (`online_required`, `not_taken`); else it stands, as any payment does, and `taken` is
 *   `offline`.
 * - `force_offline`: nothing is sent but by `syncNow()`.
 */
export type OfflineBehavior = 'prefer_online' | 'require_online' | 'force_offline'
