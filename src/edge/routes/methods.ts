/** Which methods a path has, for the answer 405: Hono itself only knows that nothing matched. */
interface RouteList {
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

export function methodsOf({ routes }: RouteList): (path: string) => readonly string[] {
  const known = routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replaceAll(/:[a-z_]+/g, '[^/]+')}$`) }))
  return (path) => [...new Set(known.flatMap(({ method, pattern }) => (pattern.test(path) ? [method] : [])))]
}
