import { registerHooks } from 'node:module'
import type { Mutant } from './mutant.ts'

const ROOT = new URL('../../', import.meta.url)
let planted: Mutant | undefined

/**
 * Plants a fault into this thread: its file is loaded with the change. Must be called before anything imports the file.
 *
 * @throws Error when the file has not exactly one place for it, once it is loaded
 */
export function plant(mutant: Mutant): void {
  planted = mutant
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      if (url !== new URL(mutant.file, ROOT).href || loaded.source === undefined) return loaded
      return { ...loaded, source: mutated(mutant, Buffer.from(loaded.source as Uint8Array).toString()) }
    },
  })
}

/** What a file that is read and not imported has: a migration. */
export function asPlanted(file: string, text: string): string {
  return planted?.file === file ? mutated(planted, text) : text
}

/** @throws Error when there is not exactly one place for it */
export function mutated({ name, file, find, replace }: Mutant, text: string): string {
  const places = text.split(find).length - 1
  if (places !== 1) throw new Error(`${name}: ${file} has ${places} places for it`)
  // A function, so that a dollar sign stays what it is.
  return text.replace(find, () => replace)
}
