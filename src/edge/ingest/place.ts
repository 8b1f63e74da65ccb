/** Data centre, country and the front of the address: enough to see that it is unusual, too little to find a person. */
export function placeOf({ cf, headers }: Request): string {
  const { colo, country } = (cf ?? {}) as { colo?: string; country?: string }
  const address = headers.get('cf-connecting-ip') ?? ''
  const front = address.includes(':')
    ? `${address.split(':').slice(0, 3).join(':')}::/48`
    : address.replace(/^(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/, '$1.0/24')
  return [colo, country, front].filter((part) => part !== undefined && part !== '').join(' ')
}
