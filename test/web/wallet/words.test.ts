import { describe, expect, it } from 'vitest'
import { LOCALES } from '../../../src/ui/words/messages.ts'
import { hrefOf, routeOf } from '../../../src/web/wallet/route.ts'
import { MESSAGES } from '../../../src/web/wallet/words/index.ts'
import { PAID } from '../../ui/paid.ts'
import { textsOf } from '../texts.ts'

describe.each(LOCALES)('%s', (locale) => {
  const texts = textsOf(MESSAGES[locale])

  it('calls nothing paid', () => {
    expect(texts.filter(([, text]) => PAID[locale].test(text))).toEqual([])
  })

  it('has a text for everything, and leaves no gap open', () => {
    for (const [place, text] of texts) expect([place, text]).toEqual([place, expect.stringMatching(/\S/)])
    expect(texts.filter(([, text]) => /undefined|NaN|\[object/.test(text))).toEqual([])
  })

  it('has no space at which high punctuation could go to the next line', () => {
    expect(texts.filter(([, text]) => / [:;?!»]|« /.test(text))).toEqual([])
  })
})

it('every screen has an address of its own, and an unknown address is the first screen', () => {
  for (const screen of [
    'home',
    'pay',
    'receive',
    'claims',
    'aside',
    'mandate',
    'history',
    'phone',
    'consent',
    'allow',
    'lost',
  ]) {
    const route = routeOf(`#/${screen}`)
    expect(route).toEqual({ screen })
    expect(routeOf(hrefOf(route))).toEqual(route)
  }
  expect(routeOf('#/payment/TEL-1/7')).toEqual({ screen: 'payment', localId: 'TEL-1/7' })
  expect(routeOf('#/elsewhere')).toEqual({ screen: 'home' })
})
