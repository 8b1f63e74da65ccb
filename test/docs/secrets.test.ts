import { expect, it } from 'vitest'
import { commentsOf, FILES, read } from './sources.ts'

/** The tables of secrets in docs/keys.md, held against the settings and against whoever uses them. */
const section = read('docs/keys.md').split('\n## Secrets, and what each is for\n')[1]?.split('\n## ')[0] ?? ''
const quoted = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, name, held = '', purpose = '', asked, places]) => ({
    ...{ names: quoted(name), held: held.split(', '), purpose, asked: quoted(asked), places: quoted(places).sort() },
  }))

/** Without comments: a secret that is only spoken of is not used. */
const code = (path: string) =>
  commentsOf(path)
    .reduce((source, { text }) => source.replace(text, ''), read(path))
    .replaceAll(/\bfunction /g, '#')
const SOURCES = FILES.filter((path) => /^(?:src|durable-objects|reconciler)\/.*\.tsx?$/.test(path))
const usersOf = (text: string) =>
  SOURCES.filter((path) =>
    code(path)
      .split(text)
      .some((before, at, all) => at < all.length - 1 && !before.endsWith('#')),
  )

/** Names of secrets end so, and no other setting's does. */
const SECRET = /^(?!.*PUBLIC)[A-Z_]+_(?:KEYS?|SECRET|TOKEN)$/
const settingsIn = (path: string) => [...code(path).matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name = '']) => name)
const settings = {
  edge: [...settingsIn('src/edge/config.ts'), ...settingsIn('src/risk/mode.ts')],
  reconciler: [...settingsIn('reconciler/config.ts'), ...settingsIn('src/risk/mode.ts')],
}

it.each(['edge', 'reconciler'] as const)('every secret of the %s has a purpose, and only one', (holder) => {
  const named = rows.filter(({ held }) => held.includes(holder)).flatMap(({ names }) => names)
  const secrets = settings[holder].filter((name) => SECRET.test(name))
  expect(secrets.length).toBeGreaterThan(4)
  expect(named.filter((name) => SECRET.test(name)).sort()).toEqual(secrets.sort())
})

it.each(rows.map((row) => [row.names.join(), row] as const))(
  '%s is used where its purpose is, and nowhere else',
  (_, row) => {
    expect(row.purpose).not.toBe('')
    expect([...new Set(row.asked.flatMap(usersOf))].sort()).toEqual(row.places)
  },
)

it('a secret leaves the edge’s settings once: what it is handed out for is what it is for', () => {
  const source = code('src/edge/config.ts')
  for (const name of settings.edge.filter((name) => SECRET.test(name))) {
    expect(source.split(`values.${name}`).length - 1, name).toBeLessThanOrEqual(1)
  }
})

it('a MAC’s purposes are those that stand there', () => {
  const [, union = ''] = /type MacPurpose = (.+)/.exec(read('src/crypto/mac.ts')) ?? []
  const purposes = [...union.matchAll(/'(\w+)'/g)].map(([, name = '']) => `macKey('${name}')`)
  expect(rows.flatMap(({ names }) => names).filter((name) => name.startsWith('macKey('))).toEqual(purposes)
})

it.each(['wrangler.toml', 'README.md'])('%s names every secret that the edge does not start without', (path) => {
  const needed = [...code('src/edge/config.ts').matchAll(/^ {2}([A-Z_]+): z\.string\(\)/gm)].map(
    ([, name = '']) => name,
  )
  const secrets = needed.filter((name) => SECRET.test(name))
  expect(secrets.length).toBeGreaterThan(5)
  expect(secrets.filter((name) => !read(path).includes(name))).toEqual([])
})
