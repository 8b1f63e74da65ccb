import { beforeEach, describe, expect, it } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { readMerchantSymbol, requestIn, writePiSpiSymbol } from '../../../src/device/qr/index.ts'
import type { OfflineSDK } from '../../../src/device/sdk/index.ts'
import { decodeApprovalRequest } from '../../../src/protocol/approval.ts'
import { fromBase64url, toBase64url } from '../../../src/protocol/bytes.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Pass } from '../../../src/protocol/pass.ts'
import { requestCode } from '../../../src/web/pos/till/request-code.ts'
import { prefer } from '../../../src/web/shared/preferences.ts'
import type { Rig } from '../../device/sdk/rig.ts'
import { unverifiedApproval } from '../../kit/approval.ts'
import { Till } from '../../ui/till.tsx'
import { openPage } from './page.tsx'

/** The till's half of the exchange at the counter. What is scanned a scanner types here. */
const ALLOWANCE: Partial<Pass> = { allowance: { no: 1, ceiling: amountMinor(50_000) } }

let till: Till
let shown: Awaited<ReturnType<typeof openPage>>
/** What the till has shown, the newest last. */
let requests: Uint8Array[]
const payments = () => till.sdk.getTransactions()
const plain = (text: string | null) => (text ?? '').replaceAll(/\s/gu, ' ')

beforeEach(async () => {
  await page.viewport(360, 740)
  prefer({ piSpi: undefined })
  till = await Till.open({ autoSync: false })
  requests = []
  const create = till.sdk.createRequest.bind(till.sdk)
  till.sdk.createRequest = async (terms) => {
    const open = await create(terms)
    requests.push(open.request)
    return open
  }
  shown = await openPage(till)
})

async function phoneWith(pass: Partial<Pass>, id?: string, wallet?: string): Promise<{ rig: Rig; sdk: OfflineSDK }> {
  const rig = await till.rig.phone(id, wallet)
  const { allowance, ...given } = pass
  rig.edge.pass = given
  const sdk = await rig.started()
  if (allowance) await sdk.requestAllowance({ amount: allowance.ceiling, userPresence: async () => true })
  await sdk.syncNow()
  return { rig, sdk }
}

async function ask(amount: number): Promise<Uint8Array> {
  const before = requests.length
  await userEvent.keyboard(`${amount}{Enter}`)
  await expect.element(page.getByRole('img', { name: /^Code QR : demande de/ })).toBeVisible()
  await shown.settle()
  expect(requests).toHaveLength(before + 1)
  return requests.at(-1) as Uint8Array
}

async function scan(answer: Uint8Array | string): Promise<void> {
  await page.getByRole('button', { name: 'Scanner la réponse' }).click()
  // There is no camera here, so the way by hand stands open.
  await expect.element(page.getByRole('textbox', { name: /^Texte du code/ })).toBeVisible()
  await userEvent.fill(
    page.getByRole('textbox', { name: /^Texte du code/ }),
    typeof answer === 'string' ? answer : toBase64url(answer),
  )
  await userEvent.keyboard('{Enter}')
}

/** Whole on the screen, above the navigation. */
function isSeen(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect()
  return top >= 0 && bottom <= shown.one('.app-nav').getBoundingClientRect().top
}

describe('a customer with a phone', () => {
  it.each([
    ['covered', ALLOWANCE, 'Garanti'],
    ['signed', {}, 'Signé, solde non vérifié'],
  ] as const)('pays %s: the till says so, in the list and on the receipt too', async (guarantee, pass, said) => {
    const { sdk } = await phoneWith(pass)
    await scan(await sdk.authorize(await ask(25_000)))
    await expect.element(page.getByRole('button', { name: 'Nouveau paiement' })).toBeVisible()
    expect(payments()).toMatchObject([{ amount: 25_000, guarantee, sender: '+221770000001' }])
    expect(plain(shown.one('.app-guarantee').textContent)).toBe(said)
    expect(shown.one('.app-result').dataset['status']).toBe('pending_offline')
    await page.getByRole('link', { name: 'Voir le reçu' }).click()
    await expect.poll(() => plain(shown.one('.app-slip').textContent)).toContain(`${said}.`)
    await page.getByRole('link', { name: 'Aujourd’hui' }).click()
    await expect.poll(() => plain(shown.one('.molam-row').textContent)).toContain(said)
  })

  it('is shown the amount that is asked, in a symbol that a phone reads', async () => {
    const request = await ask(25_000)
    expect(plain(shown.one('.pos-ask .app-display').textContent)).toBe('25 000 F CFA')
    expect(fromBase64url(requestCode(request, { country: 'SN', alias: undefined }))).toEqual(request)
    const alias = '8b1b2499-3e50-435b-b757-ac7a83d8aa7f'
    const symbol = readMerchantSymbol(requestCode(request, { country: 'SN', alias }))
    if (!symbol.ok) throw new Error(symbol.error)
    expect(symbol.value).toMatchObject({ amount: '25000', currency: '952', country: 'SN' })
    expect(requestIn(symbol.value)).toEqual(request)
  })

  it('whose answer is scanned twice has paid once', async () => {
    const { sdk } = await phoneWith({})
    const answer = await sdk.authorize(await ask(2_000))
    await scan(answer)
    await expect.element(page.getByRole('button', { name: 'Nouveau paiement' })).toBeVisible()
    await shown.settle()
    shown.main().click()
    await ask(2_000)
    await scan(answer)
    // It must not look as if this customer had paid: the code is of a payment before.
    await expect.element(page.getByRole('alert')).toMatchTextContent('Ce code a déjà servi')
    await expect.element(page.getByRole('alert')).toMatchTextContent('POS-001/1')
    expect(payments()).toHaveLength(1)
  })

  it('whose answer is for another amount pays nothing, and the till says for which', async () => {
    const { sdk } = await phoneWith({})
    const answer = await sdk.authorize(await ask(500))
    await page.getByRole('button', { name: 'Retour' }).click()
    await userEvent.keyboard('{Escape}')
    await ask(25_000)
    await scan(answer)
    await expect.element(page.getByRole('alert')).toMatchTextContent(/Ce code est pour 500\sF\sCFA/)
    expect(payments()).toEqual([])
  })

  it('who is away pays with the same amount again after the page was closed in between', async () => {
    const { sdk } = await phoneWith({})
    const answer = await sdk.authorize(await ask(500))
    await page.getByRole('button', { name: 'Retour' }).click()
    await userEvent.keyboard('{Escape}')
    await ask(500)
    await scan(answer)
    await expect.poll(() => payments().map(({ amount }) => amount)).toEqual([500])
  })

  it('above the agent’s limit signs first, then the agent sees who pays, and only then is it taken', async () => {
    const { sdk } = await phoneWith({})
    await scan(await sdk.authorize(await ask(60_000)))
    await expect.element(page.getByText('Signé par +221 77 000 00 01')).toBeVisible()
    expect(payments()).toEqual([])
    await page.getByRole('button', { name: 'Montrer le code à l’agent' }).click()
    const request = fromBase64url(shown.one('.pos-approval-request code').textContent ?? '')
    expect(decodeApprovalRequest(request)).toMatchObject({ amount: 60_000, sender: '+221770000001' })
    const field = page.getByLabelText('Accord signé de l’agent')
    await userEvent.fill(field, toBase64url(unverifiedApproval(till.rig.timeMs, new Uint8Array(16))))
    await expect.element(page.getByText('Ce n’est pas l’accord d’un agent pour ce paiement.')).toBeVisible()
    const { requestId } = decodeApprovalRequest(request)
    await userEvent.fill(field, toBase64url(unverifiedApproval(till.rig.timeMs, requestId)))
    await shown.settle()
    await page.getByRole('button', { name: /^Encaisser/ }).click()
    await expect
      .poll(() => payments().map(({ amount, guarantee }) => [amount, guarantee]))
      .toEqual([[60_000, 'signed']])
    expect(payments()[0]?.approval).toBeDefined()
  })
})

describe('what is not taken says why, that nobody was debited, and the way on', () => {
  const alert = page.getByRole('alert')
  // A small phone, on which the button that scans is scrolled to.
  beforeEach(() => page.viewport(360, 400))

  it('a pass of an edge that is not known', async () => {
    const stranger = await Till.open({ autoSync: false })
    const rig = await stranger.rig.phone()
    const sdk = await rig.started()
    await sdk.syncNow()
    await scan(await sdk.authorize(await ask(2_000)))
    await expect.element(alert).toMatchTextContent('Paiement non enregistré. Personne n’a été débité.')
    await expect.element(alert).toMatchTextContent('La caisse ne reconnaît pas ce téléphone.')
    await expect.element(alert).toMatchTextContent('Code pass_unknown')
    await expect.poll(() => isSeen(alert.element())).toBe(true)
    await page.getByRole('button', { name: 'Nouvelle demande' }).click()
    await expect.poll(() => requests.length).toBe(2)
    await expect.element(alert).not.toBeInTheDocument()
    expect(payments()).toEqual([])
  })

  it('a second phone that answers the same request', async () => {
    const [{ sdk: one }, { sdk: two }] = [await phoneWith({}), await phoneWith({}, 'PHONE-2', '+221770000002')]
    const request = await ask(2_000)
    const [first, second] = [await one.authorize(request), await two.authorize(request)]
    await till.sdk.acceptAuthorization(first)
    await scan(second)
    await expect.element(alert).toMatchTextContent('Un autre téléphone a déjà payé cette demande.')
    expect(alert.element().textContent).not.toContain('Personne n’a été débité')
    expect(payments()).toHaveLength(1)
  })

  it('another code in place of the answer is called by its name, and the camera stays open', async () => {
    const request = await ask(2_000)
    await scan(toBase64url(request))
    await expect
      .element(page.getByText('C’est la demande d’une caisse : c’est le client qui la scanne pour payer.'))
      .toBeVisible()
    const alias = '8b1b2499-3e50-435b-b757-ac7a83d8aa7f'
    const foreign = writePiSpiSymbol({ alias, country: 'SN', reference: 'R-1', isDynamic: false })
    await userEvent.fill(page.getByRole('textbox', { name: /^Texte du code/ }), foreign)
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByText(/^C’est le code d’un commerçant/)).toBeVisible()
    await expect.element(page.getByRole('dialog')).toBeVisible()
  })
})

it('a customer without a phone pays a small amount that nobody vouches for, and a large one not at all', async () => {
  await ask(10_001)
  expect(page.getByRole('button', { name: 'Sans téléphone' }).elements()).toEqual([])
  expect(plain(shown.text())).toContain('Au-dessus de 10 000 F CFA, le client paie avec son téléphone.')
  await userEvent.keyboard('{Escape}')
  await expect.element(page.getByRole('button', { name: 'Continuer' })).toBeVisible()
  await userEvent.keyboard('{Escape}')
  await ask(10_000)
  await shown.noPhone()
  await userEvent.fill(page.getByLabelText('Compte du client'), '+221770000001')
  await shown.settle()
  await userEvent.keyboard('{Enter}')
  await expect.poll(() => payments().map(({ guarantee }) => guarantee)).toEqual(['claimed'])
  expect(plain(shown.one('.app-guarantee').textContent)).toBe('Pas garanti : le client doit confirmer')
})

it('the alias of the shop is checked, kept for this shop alone, and can be taken away', async () => {
  await page.getByRole('link', { name: 'Caisse', exact: true }).click()
  const alias = page.getByLabelText('Alias PI-SPI du commerce')
  const save = page.getByRole('button', { name: 'Enregistrer l’alias' })
  await userEvent.fill(alias, '8b1b2499-3e50-135b-b757-ac7a83d8aa7f')
  await save.click()
  await expect.element(page.getByText(/^Un alias a 36 signes/)).toBeVisible()
  await userEvent.fill(alias, '8B1B2499-3e50-435b-b757-ac7a83d8aa7f')
  await save.click()
  await expect.element(page.getByText('Alias enregistré sur cette caisse.')).toBeVisible()
  const kept = () => JSON.parse(localStorage.getItem('molam-pos-preferences') ?? '{}').piSpi
  expect(kept()).toEqual({ wallet: 'shop-1', alias: '8b1b2499-3e50-435b-b757-ac7a83d8aa7f' })
  await userEvent.fill(alias, '')
  await save.click()
  await expect.poll(kept).toBeUndefined()
})
