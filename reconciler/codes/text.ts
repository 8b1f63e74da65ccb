/**
 * What the holder reads. French is a language of every country that there is a policy for. It fits one message: 160 characters of
 * the GSM 7-bit alphabet (3GPP TS 23.038), and one message is harder to read a part of.
 */
export function codeText(deviceId: string, code: string): string {
  const device = deviceId.length > DEVICE_CHARS_MAX ? `${deviceId.slice(0, DEVICE_CHARS_MAX - 1)}.` : deviceId
  return (
    `Molam: ${device} demande à payer avec votre compte. Qui saisit ce code peut dépenser votre argent. ` +
    `Ne le donnez à personne: ${code}`
  )
}

const DEVICE_CHARS_MAX = 20
