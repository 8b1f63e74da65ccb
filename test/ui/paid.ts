/** The words that only a settled payment may have, unless they are denied in the same breath. */
export const PAID = {
  fr: /(?<!pas encore |non )payé|réglé/i,
  en: /(?<!not )paid|(?<!to be |it is )settled|charged/i,
  wo: /fey nañu|fey na\b|agsi na/i,
}
