import { expect, it } from 'vitest'
import { type DevText, startDevTelephones } from '../../dev/telephones.ts'
import { openGateway } from '../../reconciler/codes/gateway.ts'

it('the telephones of a local run take what the reconciler sends, and show each message once', async () => {
  const came: DevText[] = []
  const telephones = await startDevTelephones((text) => came.push(text))
  const { CONSENT_CODE_URL: gatewayUrl, CONSENT_CODE_TOKEN: gatewayToken } = telephones.vars
  const gateway = openGateway({ gatewayUrl, gatewayToken }, fetch)
  const message = { to: '+22177000001', text: 'code 04183920', id: 'POS-1/1' }
  try {
    expect(await gateway.send(message)).toBe('taken')
    expect(await gateway.send(message)).toBe('taken')
    expect(came).toEqual([{ to: message.to, text: message.text }])
    expect(telephones.codeFor('POS-1', 1)).toBe('04183920')
    expect(telephones.codeFor('POS-1', 2)).toBeUndefined()
    expect(await openGateway({ gatewayUrl, gatewayToken: 'another' }, fetch).send(message)).toBe('refused')
  } finally {
    await telephones.close()
  }
})
