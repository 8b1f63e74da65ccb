/**
 * Whether each secret is a secret of its own. Whoever has a value for one purpose has it for the other too, so two
 * names with one value are a fault of the settings. Which secrets there are, and what each is for, says docs/keys.md.
 *
 * @param env settings by name; those that are not set are left out
 * @returns names that share their value with a name before them
 * @example
 * sharedSecrets({ A: 'x', B: 'y', C: 'x' }, ['A', 'B', 'C']) // ['C']
 */
export function sharedSecrets(env: Readonly<Record<string, unknown>>, names: readonly string[]): readonly string[] {
  const isSet = (name: string) => typeof env[name] === 'string' && env[name] !== ''
  return names.filter(isSet).filter((name, at, set) => set.slice(0, at).some((before) => env[before] === env[name]))
}
