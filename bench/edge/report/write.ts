import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdown } from './markdown.ts'
import type { Results } from './results.ts'

/** As JSON for programs, and Markdown for people. */
export function write(results: Results, dir: string): void {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'edge.json'), `${JSON.stringify(results, undefined, 2)}\n`)
  writeFileSync(join(dir, 'edge.md'), markdown(results))
}
