/** What stands in for the runtime's module `cloudflare:workers` (loader.ts): the one class of it that is used. */
export class DurableObject<Env = unknown> {
  protected readonly ctx: unknown
  protected readonly env: Env

  constructor(ctx: unknown, env: Env) {
    this.ctx = ctx
    this.env = env
  }
}
