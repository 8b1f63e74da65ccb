import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { markdown } from './cost/markdown.ts'

/** `npm run cost`: what a million payments cost at list prices, and what of it is what. */
const { values } = parseArgs({ options: { out: { type: 'string', default: join(import.meta.dirname, 'results') } } })
mkdirSync(values.out, { recursive: true })
writeFileSync(join(values.out, 'cost.md'), markdown())
console.log(markdown())
