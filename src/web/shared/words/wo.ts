import type { CommonMessages } from './messages.ts'

/** Wolof does not inflect the noun. */
const payments = (count: number): string => `${count} fey`

/** What is said in the same words on every page. */
export const wo: CommonMessages = {
  language: 'Wolof',
  back: 'Dellu',
  close: 'Tëj',
  methods: { wallet: 'Kontu', qr: 'Kodu QR', ussd: 'USSD' },
  account: {
    faults: {
      link: 'Lien la walla kodu Wi-Fi, du kontu.',
      number: 'Nimero bii matul, walla dafa yokk.',
      old_number: 'Nimero bu yàgg la, bu 8 lim. Laajal bu bees bi, bu 10 lim.',
      foreign_number: 'Nimero réew mu Molam nekkul la.',
      characters: 'Kontu am na 1 ba 64 araf walla lim, te amul espaas.',
    },
    means: (number) => `Nimero: ${number}`,
  },
  pad: {
    label: 'Lim yi',
    erase: 'Far lim bu mujj bi',
  },
  slow: {
    what: 'Telefon bi yéex na tontu. Xaaral, walla nga bàyyi ko: duñu ko jël ginnaaw loolu.',
    giveUp: 'Bàyyi fey bii',
  },
  choices: {
    language: 'Làkk',
    theme: 'Melo',
    themes: { auto: 'Boppam', light: 'Leer', dark: 'Lëndëm' },
  },
  secret: {
    label: 'Baatu sutura',
    hint: 'Lu gëna néew 12 araf. Su ko amul, fisye bi du ubbeeku.',
  },
  claims: {
    title: 'Ñu ngi xaar sa tontu',
    bar: (count, value) => `${payments(count)} a ngi xaar nga nangu: ${value}`,
    open: 'Tontu',
    what: 'Am na ku laaj xaalis bii ci sa kontu. Soo nanguwul, dara du toxu.',
    none: 'Amul luy xaar sa tontu.',
    asks: 'Kan moo laaj',
    takenAt: 'Kañ',
    number: 'Nimero',
    until: 'Tontul balaa',
    refuse: 'Déedéet',
    confirm: 'Waaw, fey',
    sure: { confirm: (amount) => `Fey ${amount}`, refuse: (amount) => `Bañ a fey ${amount}` },
    sending: 'Ñu ngi yónnee sa tontu…',
    notSent: 'Sa tontu amaana agsiwul. Delluwaat ko joxe: benn yoon rekk lay jariñ.',
    said: {
      confirm: 'Nangu nga. Xaalis bi dina dem su kontu bi doyee.',
      refuse: 'Bañ nga. Xaalis bi du toxu.',
    },
    other: 'Beneen tontu jiitu woon na. Moom mooy li jariñ.',
    over: 'Fey bii xaaratul tontu.',
  },
  scan: {
    start: 'Skane',
    troubles: {
      denied: 'Mayewuñu kamera bi. Mayal ko ci reglaasu nawigatër bi, walla nga def ko ci beneen yoon:',
      none: 'Gisuñu kamera ci telefon bii. Defal ko ci beneen yoon:',
      busy: 'Beneen aplikaasioŋ mooy jëfandikoo kamera bi. Tëjal ko, walla nga def ko ci beneen yoon:',
      silent: 'Kamera bi tontuwagul. Su la telefon bi laajee ndigal, nangul, walla nga def ko ci beneen yoon:',
      reader: 'Nawigatër bii mënul jàng kod. Defal ko ci beneen yoon:',
    },
    byHand: 'Bu amul kamera',
    picture: 'Jël walla tànnal nataalu kod bi',
    noneInPicture: 'Amul kod bu ñu mën a jàng ci nataal bi.',
    unable: 'Nawigatër bii mënul jàng nataal. Bindal mbindu kod bi.',
    text: 'Mbindu kod bi (skaneer)',
    progress: (have, of) => `${have} ci ${of} jàng nañu leen. Kontineel.`,
    kinds: {
      bundle: 'Kodu kees buy xaar la. Dees koy skane ci «\u00a0Yóbbul beneen kees\u00a0».',
      receipt: 'Resi kees la. Kees bi jël fey yi moo koy skane.',
      newer: 'Kod bii ci aplikaasioŋ bu gëna bees la jóge. Yeesalal bii.',
      damaged: 'Jànguñu ko bu baax. Téyeel telefon bi mu jub.',
      request: 'Laaju kees la: kiliyaan bi moo koy skane ngir fey.',
      answer: 'Ndigalu kiliyaan la.',
      approval: 'Ndigalu ajaŋ la.',
      consent_request: 'Laaju beneen telefon la. Dees koy skane ci «\u00a0May beneen telefon mu fey\u00a0».',
      consent_word: 'Tontu telefon la ci beneen bu bokk kont.',
      merchant: 'Kodu jaaykat la (PI-SPI walla beneen): kiliyaan bi moo koy skane ngir fey.',
      link: 'Lien la walla kodu Wi-Fi, du kontu.',
      number: 'Nimero bii matul, walla dafa yokk.',
      old_number: 'Nimero bu yàgg la, bu 8 lim. Laajal bu bees bi, bu 10 lim.',
      foreign_number: 'Nimero réew mu Molam nekkul la.',
      account: 'Kontu walla nimero la, du kod bi ñuy laaj.',
      unknown: 'Kod bii du bu Molam.',
    },
  },
}
