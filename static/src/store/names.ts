/** Who is who: id to name, kind and newest version, learned from everything that passes by. */
import { signal } from '@preact/signals'
import type { Entity, Resolved, ResolvedRef } from '../types.ts'

export interface Name {
  id: string
  name: string
  kind: string
  version: number
}

export class Names {
  /** Counts new and changed names; versions move much more often and count apart. */
  readonly changed = signal(0)
  readonly versions = signal(0)
  readonly #known = new Map<string, Name>()

  get(id: string): Name | undefined {
    return this.#known.get(id)
  }

  /** The name, and the id where it is not known (yet). Reads the signal, so views follow. */
  of(id: string): string {
    void this.changed.value
    return this.#known.get(id)?.name ?? id
  }

  all(): Name[] {
    return [...this.#known.values()]
  }

  learn(items: readonly (Entity | Resolved)[]): void {
    for (const item of items) {
      this.#set(item.id, item.name, item.kind, item.version)
      if ('used_by' in item) this.#learnRefs(item.references)
    }
  }

  newest(id: string, version: number): void {
    const known = this.#known.get(id)
    if (known === undefined || version <= known.version) return
    this.#known.set(id, { ...known, version })
    this.versions.value += 1
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.#known.delete(id)
    if (ids.length > 0) this.changed.value += 1
  }

  #learnRefs(refs: readonly ResolvedRef[]): void {
    for (const ref of refs) {
      this.#set(ref.source, ref.name, ref.kind, ref.latest_version)
      this.#learnRefs(ref.references ?? [])
    }
  }

  #set(id: string, name: string, kind: string, version: number): void {
    const known = this.#known.get(id)
    this.#known.set(id, { id, name, kind, version: Math.max(version, known?.version ?? 0) })
    if (known?.name !== name || known.kind !== kind) this.changed.value += 1
  }
}
