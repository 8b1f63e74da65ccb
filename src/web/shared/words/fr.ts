import type { CommonMessages } from './messages.ts'

const payments = (count: number): string => (count < 2 ? `${count} paiement` : `${count} paiements`)

/** What is said in the same words on every page. */
export const fr: CommonMessages = {
  language: 'Français',
  back: 'Retour',
  close: 'Fermer',
  methods: { wallet: 'Compte', qr: 'Code QR', ussd: 'USSD' },
  account: {
    faults: {
      link: 'C’est un lien ou un code Wi-Fi, pas un compte.',
      number: 'Ce numéro n’est pas complet, ou a un chiffre de trop.',
      old_number: 'C’est un ancien numéro à 8 chiffres. Demandez le nouveau, à 10 chiffres.',
      foreign_number: 'Ce numéro est d’un pays que Molam ne sert pas.',
      characters: 'Un compte a de 1 à 64 lettres, chiffres ou signes, sans espace ni accent.',
    },
    means: (number) => `Numéro\u00a0: ${number}`,
  },
  pad: {
    label: 'Clavier du montant',
    erase: 'Effacer le dernier chiffre',
  },
  slow: {
    what: 'La mémoire du téléphone tarde à répondre. Attendez, ou renoncez\u00a0: rien ne sera pris après coup.',
    giveUp: 'Renoncer à ce paiement',
  },
  choices: {
    language: 'Langue',
    theme: 'Affichage',
    themes: { auto: 'Automatique', light: 'Clair', dark: 'Sombre' },
  },
  secret: {
    label: 'Phrase secrète',
    hint: 'Au moins 12 caractères. Sans elle, le fichier ne s’ouvre plus.',
  },
  claims: {
    title: 'Attendent votre réponse',
    bar: (count, value) => `${payments(count)} ${count < 2 ? 'attend' : 'attendent'} votre oui\u00a0: ${value}`,
    open: 'Répondre',
    what: 'On demande cet argent à votre compte. Sans votre oui, rien ne bouge.',
    none: 'Rien n’attend votre réponse.',
    asks: 'Qui demande',
    takenAt: 'Quand',
    number: 'Numéro',
    until: 'Répondre avant',
    refuse: 'Non',
    confirm: 'Oui, payer',
    sure: { confirm: (amount) => `Payer ${amount}`, refuse: (amount) => `Ne pas payer ${amount}` },
    sending: 'Envoi de votre réponse…',
    notSent: 'Votre réponse n’est peut-être pas arrivée. Donnez-la de nouveau\u00a0: elle ne compte qu’une fois.',
    said: {
      confirm: 'Vous avez dit oui. L’argent part si le solde suffit.',
      refuse: 'Vous avez dit non. L’argent ne bouge pas.',
    },
    other: 'L’autre réponse avait déjà été donnée. C’est elle qui compte.',
    over: 'Ce paiement n’attend plus de réponse.',
  },
  scan: {
    start: 'Scanner',
    troubles: {
      denied: 'La caméra n’est pas autorisée. Autorisez-la dans les réglages du navigateur, ou faites sans\u00a0:',
      none: 'Aucune caméra trouvée sur ce téléphone. Faites sans\u00a0:',
      busy: 'La caméra sert à une autre application. Fermez-la, ou faites sans\u00a0:',
      silent: 'La caméra ne répond pas encore. Si le téléphone demande l’accès, acceptez, ou faites sans\u00a0:',
      reader: 'Ce navigateur ne sait pas lire les codes. Faites sans\u00a0:',
    },
    byHand: 'Sans la caméra',
    picture: 'Prendre ou choisir une photo du code',
    noneInPicture: 'Aucun code lisible sur la photo.',
    unable: 'Ce navigateur ne sait pas lire les photos. Tapez le texte du code.',
    text: 'Texte du code (lecteur de codes)',
    progress: (have, of) => `${have} sur ${of} lus. Continuez.`,
    kinds: {
      bundle:
        'C’est le code d’une caisse qui attend son envoi. Il se scanne sous «\u00a0Porter pour une autre caisse\u00a0».',
      receipt: 'C’est le reçu d’une caisse. Il se scanne sur la caisse qui a pris les paiements.',
      newer: 'Ce code vient d’une version plus récente de l’application. Mettez celle-ci à jour.',
      damaged: 'Mal lu. Tenez le téléphone droit, sans reflet.',
      request: 'C’est la demande d’une caisse\u00a0: c’est le client qui la scanne pour payer.',
      answer: 'C’est l’accord signé d’un client.',
      approval: 'C’est l’accord signé d’un agent.',
      consent_request:
        'C’est la demande d’un autre téléphone. Elle se scanne sous «\u00a0Laisser un autre téléphone payer\u00a0».',
      consent_word: 'C’est la réponse d’un téléphone à un autre du même compte.',
      merchant: 'C’est le code d’un commerçant (PI-SPI ou autre)\u00a0: c’est le client qui le scanne pour payer.',
      link: 'C’est un lien ou un code Wi-Fi, pas un compte.',
      number: 'Ce numéro n’est pas complet, ou a un chiffre de trop.',
      old_number: 'C’est un ancien numéro à 8 chiffres. Demandez le nouveau, à 10 chiffres.',
      foreign_number: 'Ce numéro est d’un pays que Molam ne sert pas.',
      account: 'C’est un compte ou une référence, pas le code attendu.',
      unknown: 'Ce code n’est pas de Molam.',
    },
  },
}
