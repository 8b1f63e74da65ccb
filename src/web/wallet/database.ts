/** The phone's own: the same browser may be a till too. */
export const DATABASE = 'molam-wallet'
