/** The entity in the inspector: its state, its draft, its history, what it is used by. */
import { computed, type ReadonlySignal, signal } from '@preact/signals'
import * as api from '../api/endpoints.ts'
import type { Draft } from '../live/drafts.ts'
import type { Dependencies, Entity, Fields, Resolved, Version } from '../types.ts'
import { difference } from './overlay.ts'

export class Inspection {
  readonly id: string
  readonly project: string
  readonly draft: Draft
  readonly entity = signal<Entity | null>(null)
  readonly resolved = signal<Resolved | null>(null)
  readonly versions = signal<readonly Version[] | null>(null)
  readonly older = signal<string | null>(null)
  readonly dependencies = signal<Dependencies | null>(null)
  readonly error = signal<unknown>(null)
  /** What the draft has that the current version does not. */
  readonly ahead: ReadonlySignal<Fields>
  readonly #onBase: (inspection: Inspection) => void
  #again = false
  #loading = false
  #closed = false

  constructor(project: string, draft: Draft, onBase: (inspection: Inspection) => void) {
    this.project = project
    this.id = draft.id
    this.draft = draft
    this.#onBase = onBase
    this.ahead = computed(() => {
      const entity = this.entity.value
      if (entity === null || !draft.synced.value) return {}
      return difference(draft.values.value, entity.fields)
    })
    void this.load()
  }

  /** Does this concern what is shown here? */
  concerns(ids: ReadonlySet<string>): boolean {
    if (ids.has(this.id)) return true
    return this.resolved.peek()?.references.some((r) => ids.has(r.source)) ?? false
  }

  /** Loads everything; called again while loading, it loads once more afterwards. */
  async load(): Promise<void> {
    if (this.#loading) {
      this.#again = true
      return
    }
    this.#loading = true
    try {
      do {
        this.#again = false
        await this.#load()
      } while (this.#again && !this.#closed)
    } finally {
      this.#loading = false
    }
  }

  async loadOlder(): Promise<void> {
    const cursor = this.older.peek()
    if (cursor === null) return
    const page = await api.readVersions(this.project, this.id, cursor)
    this.versions.value = merge(this.versions.peek() ?? [], page.items)
    this.older.value = page.next_cursor
  }

  close(): void {
    this.#closed = true
  }

  async #load(): Promise<void> {
    try {
      const [entity, resolved] = await Promise.all([api.readEntity(this.project, this.id), api.readResolved(this.project, this.id)])
      if (this.#closed) return
      this.entity.value = entity
      this.resolved.value = resolved
      this.error.value = null
      this.#onBase(this)
      const [versions, dependencies] = await Promise.all([api.readVersions(this.project, this.id, null), api.readDependencies(this.project, this.id, 8)])
      if (this.#closed) return
      if (this.versions.peek() === null) this.older.value = versions.next_cursor
      this.versions.value = merge(this.versions.peek() ?? [], versions.items)
      this.dependencies.value = dependencies
    } catch (error) {
      if (!this.#closed) this.error.value = error
    }
  }
}

function merge(known: readonly Version[], fresh: readonly Version[]): Version[] {
  const by = new Map([...known, ...fresh].map((v) => [v.number, v]))
  return [...by.values()].toSorted((a, b) => b.number - a.number)
}
