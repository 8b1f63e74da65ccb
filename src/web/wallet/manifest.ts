import { manifestOf } from '../shared/manifest.ts'

export const manifest = manifestOf({
  base: '/wallet/',
  name: 'Molam Compte',
  shortName: 'Molam',
  description: 'Payer avec ou sans réseau.',
  categories: ['finance'],
})
