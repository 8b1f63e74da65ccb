import { build } from 'vite'

const root = new URL('../..', import.meta.url).pathname

export interface Bundled {
  readonly code: string
  /** Files and packages that are in it. */
  readonly modules: readonly string[]
}

/** Bundles a program for browsers in memory, minified, as an app's build does. @param program its source */
export async function bundled(program: string): Promise<Bundled> {
  const entry = 'virtual:program'
  const built = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      rollupOptions: { input: entry, preserveEntrySignatures: 'strict' },
    },
  })
  if (!('output' in built)) throw new Error('no output')
  const chunks = built.output.flatMap((part) => (part.type === 'chunk' ? [part] : []))
  return {
    code: chunks.map((chunk) => chunk.code).join('\n'),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds),
  }
}
