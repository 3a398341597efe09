/** Versions as they were, and what an entity looked like at one of them. They never change, so each is asked for once. */
import type { Entity, Fields, Json, Policy, Resolved, ResolvedRef, Version } from '../types.ts'

/** How deep below an old version its own references are followed: a coat, and who wears it. */
const DEPTH = 3

interface BuiltOn {
  id: string
  source: string
  role: string
  policy: Policy
  version: number
  order: string
  overrides: Fields
}

export class Past {
  readonly #read: (id: string, number: number) => Promise<Version>
  readonly #known = new Map<string, Promise<Version>>()

  constructor(read: (id: string, number: number) => Promise<Version>) {
    this.#read = read
  }

  version(id: string, number: number): Promise<Version> {
    const key = `${number} ${id}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const asked = this.#read(id, number)
    this.#known.set(key, asked)
    asked.catch(() => this.#known.delete(key))
    return asked
  }

  /** A version with everything it was built on, as the sketch takes it. */
  async resolved(now: Entity, version: Version, kindOf: (id: string) => string): Promise<Resolved> {
    return {
      id: now.id,
      project_id: now.project_id,
      kind: now.kind,
      name: version.name,
      status: version.status,
      version: version.number,
      fields: version.fields,
      references: await this.#references(version, kindOf, DEPTH),
      used_by: [],
      prompt: '',
      hash: '',
      visual_hash: '',
      stale: false,
      stale_reasons: [],
      last_outcome: null,
    }
  }

  async #references(version: Version, kindOf: (id: string) => string, depth: number): Promise<ResolvedRef[]> {
    if (depth === 0) return []
    const found = await Promise.all(version.references.map(async (value): Promise<ResolvedRef | null> => {
      const at = builtOn(value)
      if (at === null) return null
      try {
        const source = await this.version(at.source, at.version)
        return {
          ...at,
          kind: kindOf(at.source),
          name: source.name,
          latest_version: at.version,
          fields: { ...source.fields, ...at.overrides },
          references: await this.#references(source, kindOf, depth - 1),
        }
      } catch {
        return null
      }
    }))
    return found.filter((r) => r !== null)
  }
}

function builtOn(value: { [key: string]: Json }): BuiltOn | null {
  const { id, source, version } = value
  if (typeof source !== 'string' || typeof version !== 'number') return null
  const text = (of: string) => (typeof value[of] === 'string' ? value[of] : '')
  const overrides = value['overrides']
  return {
    id: typeof id === 'string' ? id : source,
    source,
    version,
    role: text('role'),
    order: text('order'),
    policy: text('policy') === 'pinned' ? 'pinned' : text('policy') === 'approved' ? 'approved' : 'latest',
    overrides: typeof overrides === 'object' && overrides !== null && !Array.isArray(overrides) ? overrides : {},
  }
}
