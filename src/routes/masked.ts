/**
 * What people write is kept in places where nothing personal may be: addresses and long numbers are taken out of it.
 */
export function masked(text: string): string {
  return text
    .replaceAll(/[^\s@]+@[^\s@]+/g, '***')
    .replaceAll(/\+?\d(?:[\s().-]?\d){5,}/g, '***')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
}
