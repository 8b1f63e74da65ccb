import { manifestOf } from '../shared/manifest.ts'

export const manifest = manifestOf({
  base: '/pos/',
  name: 'Molam Caisse',
  shortName: 'Caisse',
  description: 'Encaisser avec ou sans réseau.',
  categories: ['finance', 'business'],
})
