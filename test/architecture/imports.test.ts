import { readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { PACKAGES, ROOMS } from './rooms.ts'
import { files, importsOf } from './source.ts'

const isFile = (row: string) => row.endsWith('.ts')

/** The row that a file belongs to: files that stand apart come before their folder. */
function roomOf(file: string): string | undefined {
  const rows = Object.keys(ROOMS)
  return (
    rows.find((row) => isFile(row) && matchesGlob(file, row)) ??
    rows.find((row) => dirname(file) === row) ??
    rows.find((row) => row.endsWith('/**') && matchesGlob(file, row))
  )
}

it('every source file is in a room, and every room has files', () => {
  expect(files.filter((file) => roomOf(file) === undefined)).toEqual([])
  const used = new Set(files.map(roomOf))
  expect(Object.keys(ROOMS).filter((room) => !used.has(room))).toEqual([])
})

it.each(Object.entries(ROOMS))('%s imports of ours only what it may', (room, allowed) => {
  const wrong = files
    .filter((file) => roomOf(file) === room)
    .flatMap((file) => {
      const targets = importsOf(file).ours.filter((target) => /\.tsx?$/.test(target))
      const foreign = targets.filter(
        (target) => ![room, ...allowed].includes(roomOf(target) ?? '') && !allowed.includes(target),
      )
      return foreign.map((target) => `${file} → ${target}`)
    })
  expect(wrong).toEqual([])
})

it.each(Object.entries(PACKAGES))('%s uses only the packages it may', (place, allowed) => {
  const own = files.filter((file) => file === place || file.startsWith(`${place}/`))
  expect(own).not.toEqual([])
  const wrong = own.flatMap((file) =>
    importsOf(file)
      .packages.filter((name) => !allowed.test(name))
      .map((name) => `${file} → ${name}`),
  )
  expect(wrong).toEqual([])
})

it('no file reaches itself through its imports, types included', () => {
  expect(circles()).toEqual([])
})

/** Every import that closes a circle, as the way around it. */
function circles(): string[] {
  const closing: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const walk = (file: string): void => {
    const at = way.indexOf(file)
    if (at >= 0) closing.push([...way.slice(at), file].join(' → '))
    if (at >= 0 || done.has(file)) return
    way.push(file)
    for (const target of importsOf(file).ours) if (files.includes(target)) walk(target)
    way.pop()
    done.add(file)
  }
  for (const file of files) walk(file)
  return closing
}

it('every source file is compiled by the config of a runtime', () => {
  const root = resolve(import.meta.dirname, '../..')
  const patterns = ['core', 'worker', 'browser', 'node', 'sim'].flatMap((name) => {
    const text = readFileSync(join(root, `tsconfig/${name}.json`), 'utf8').replace(/^\s*\/\/.*$/gm, '')
    return (JSON.parse(text) as { include: string[] }).include.map((path) => path.replace('../', ''))
  })
  const compiled = (file: string) =>
    patterns.some((pattern) => matchesGlob(file, pattern) || file.startsWith(`${pattern}/`))
  expect(files.filter((file) => !compiled(file))).toEqual([])
})
