/**
 * Why a payer's answer is not taken.
 *
 * - `unreadable`: the code is none of a payer's phone, or was read in part only
 * - `not_asked`: it answers another till, or a request that is not open any more
 * - `answered`: another phone's answer to this request was taken, and there is a payment for it
 * - `pass_unknown`: the edge has not signed the pass, or with a key that this device does not know yet: a sync may bring it
 * - `pass_stopped`: the phone was stopped, or its holder's consent ended, as this device was told
 * - `pass_expired`: the pass is over, or begins later
 * - `not_allowed`: the pass does not let this be paid: the amount, the currency, or what is left of the allowance
 * - `too_old`: it was signed longer ago than a customer stands at a counter
 * - `false_signature`: the phone that the pass names has not signed this
 * - `spent_before`: what it says of the allowance does not follow what this till has seen of that phone
 * - `same_wallet`: the payer's wallet is the one that would be credited
 */
export type AuthorizationFault =
  | 'unreadable'
  | 'not_asked'
  | 'answered'
  | 'pass_unknown'
  | 'pass_stopped'
  | 'pass_expired'
  | 'not_allowed'
  | 'too_old'
  | 'false_signature'
  | 'spent_before'
  | 'same_wallet'
