/** The till's own: the same browser may be somebody's phone too. */
export const DATABASE = 'molam'
