import { describe, expect, it } from 'vitest'
import { LOCALES } from '../../../src/ui/words/messages.ts'
import { MESSAGES } from '../../../src/web/pos/words/index.ts'
import { PAID } from '../../ui/paid.ts'
import { textsOf } from '../texts.ts'

describe.each(LOCALES)('%s', (locale) => {
  const texts = textsOf(MESSAGES[locale])

  it('calls nothing paid but the day’s total of what is settled', () => {
    const paid = texts.filter(([, text]) => PAID[locale].test(text)).map(([place]) => place)
    expect(paid).toEqual(['today.settled'])
  })

  it('has a text for everything, and leaves no gap open', () => {
    for (const [place, text] of texts) expect([place, text]).toEqual([place, expect.stringMatching(/\S/)])
    expect(texts.filter(([, text]) => /undefined|NaN|\[object/.test(text))).toEqual([])
  })

  it('has no space at which high punctuation could go to the next line', () => {
    expect(texts.filter(([, text]) => / [:;?!»]|« /.test(text))).toEqual([])
  })
})

it('one payment is one payment, in every language that inflects it', () => {
  const { fr, en } = MESSAGES
  expect(fr.device.leaveUnsynced(1)).toContain('1 paiement n’est que sur ce téléphone')
  expect(en.device.leaveUnsynced(1)).toContain('1 payment is on this phone only')
  expect(fr.carry.what(1)).toContain('ni le lire ni le changer')
  expect(en.carry.what(1)).toContain('neither read nor change it')
})
