import type { CommonMessages } from './messages.ts'

const payments = (count: number): string => (count === 1 ? '1 payment' : `${count} payments`)

/** What is said in the same words on every page. */
export const en: CommonMessages = {
  language: 'English',
  back: 'Back',
  close: 'Close',
  methods: { wallet: 'Account', qr: 'QR code', ussd: 'USSD' },
  account: {
    faults: {
      link: 'This is a link or a Wi-Fi code, not an account.',
      number: 'This number is not complete, or has a digit too many.',
      old_number: 'This is an old number of 8 digits. Ask for the new one, of 10 digits.',
      foreign_number: 'This number is of a country that Molam does not serve.',
      characters: 'An account has 1 to 64 letters, digits or signs, without spaces or accents.',
    },
    means: (number) => `Number: ${number}`,
  },
  pad: {
    label: 'Amount keypad',
    erase: 'Erase the last digit',
  },
  slow: {
    what: 'The phone’s storage is slow to answer. Wait, or give up: nothing is taken afterwards.',
    giveUp: 'Give this payment up',
  },
  choices: {
    language: 'Language',
    theme: 'Appearance',
    themes: { auto: 'Automatic', light: 'Light', dark: 'Dark' },
  },
  secret: {
    label: 'Passphrase',
    hint: 'At least 12 characters. Without it the file cannot be opened.',
  },
  claims: {
    title: 'Waiting for your answer',
    bar: (count, value) => `${payments(count)} ${count === 1 ? 'waits' : 'wait'} for your yes: ${value}`,
    open: 'Answer',
    what: 'Somebody asks for this money from your account. Without your yes nothing moves.',
    none: 'Nothing waits for your answer.',
    asks: 'Who asks',
    takenAt: 'When',
    number: 'Number',
    until: 'Answer before',
    refuse: 'No',
    confirm: 'Yes, pay',
    sure: { confirm: (amount) => `Pay ${amount}`, refuse: (amount) => `Do not pay ${amount}` },
    sending: 'Sending your answer…',
    notSent: 'Your answer may not have come through. Give it again: it counts only once.',
    said: {
      confirm: 'You said yes. The money leaves if the balance is enough.',
      refuse: 'You said no. The money does not move.',
    },
    other: 'The other answer was given before. That one counts.',
    over: 'This payment waits for no answer any more.',
  },
  scan: {
    start: 'Scan',
    troubles: {
      denied: 'The camera is not allowed. Allow it in the browser’s settings, or do without:',
      none: 'No camera was found on this phone. Do without:',
      busy: 'Another app uses the camera. Close it, or do without:',
      silent: 'The camera does not answer yet. If the phone asks, allow it, or do without:',
      reader: 'This browser cannot read codes. Do without:',
    },
    byHand: 'Without the camera',
    picture: 'Take or choose a photo of the code',
    noneInPicture: 'No readable code in the photo.',
    unable: 'This browser cannot read photos. Type the text of the code.',
    text: 'Text of the code (code scanner)',
    progress: (have, of) => `${have} of ${of} read. Go on.`,
    kinds: {
      bundle: 'This is the code of a till that waits to be sent. Scan it under “Carry for another till”.',
      receipt: 'This is a till’s receipt. It is scanned on the till that took the payments.',
      newer: 'This code is from a newer version of the app. Update this one.',
      damaged: 'Read wrong. Hold the phone straight, without reflections.',
      request: 'This is a till’s request: the customer scans it to pay.',
      answer: 'This is a customer’s signed consent.',
      approval: 'This is an agent’s signed approval.',
      consent_request: 'This is another phone’s request. Scan it under “Let another phone pay”.',
      consent_word: 'This is a phone’s answer to another one of the same account.',
      merchant: 'This is a merchant’s code (PI-SPI or another scheme): customers scan it to pay.',
      link: 'This is a link or a Wi-Fi code, not an account.',
      number: 'This number is not complete, or has a digit too many.',
      old_number: 'This is an old number of 8 digits. Ask for the new one, of 10 digits.',
      foreign_number: 'This number is of a country that Molam does not serve.',
      account: 'This is an account or a reference, not the code that is asked for.',
      unknown: 'This code is not Molam’s.',
    },
  },
}
