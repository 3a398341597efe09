/** The entity in the inspector: its state, its draft, its history, what it is used by. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import * as api from '../api/endpoints.ts'
import { Problem } from '../api/problem.ts'
import type { Draft } from '../live/drafts.ts'
import type { Dependencies, Entity, Fields, Json, Picture, Resolved, ResolvedRef, Story, UsedBy, Version } from '../types.ts'
import { difference, same } from './overlay.ts'

/** How long a burst of changes rests before history and dependents are read again. */
const CALM = 250

/** A value that only becomes another one when it differs, so that what shows it is left alone. */
function settle<T>(to: Signal<T>, value: T): void {
  if (!same(to.peek() as Json, value as Json)) to.value = value
}

export class Inspection {
  readonly id: string
  readonly project: string
  readonly draft: Draft
  readonly entity = signal<Entity | null>(null)
  readonly resolved = signal<Resolved | null>(null)
  /** Parts of it, which change only when they differ. */
  readonly references = signal<readonly ResolvedRef[] | null>(null)
  readonly usedBy = signal<readonly UsedBy[]>([])
  readonly versions = signal<readonly Version[] | null>(null)
  readonly older = signal<string | null>(null)
  readonly dependencies = signal<Dependencies | null>(null)
  /** Uploaded pictures, newest first; null where the server keeps none. */
  readonly pictures = signal<readonly Picture[] | null>(null)
  /** Why it looks so; read when what is there has come to rest. */
  readonly story = signal<Story | null>(null)
  readonly error = signal<unknown>(null)
  /** What the draft has that the current version does not. */
  readonly ahead: ReadonlySignal<Fields>
  readonly #onBase: (inspection: Inspection) => void
  readonly #shape: () => readonly unknown[]
  /** The shape of the graph around it when dependents were last read. */
  #seen: readonly unknown[] = []
  #keepsPictures: boolean | null = null
  #again = false
  #loading = false
  #closed = false
  #calm: ReturnType<typeof setTimeout> | undefined

  /** `shape` differs when what is built on this may have become another set. */
  constructor(project: string, draft: Draft, onBase: (inspection: Inspection) => void, shape: () => readonly unknown[]) {
    this.#shape = shape
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
    clearTimeout(this.#calm)
  }

  async loadPictures(): Promise<void> {
    if (this.#keepsPictures === false) return
    try {
      const { items } = await api.readPictures(this.project, this.id)
      this.#keepsPictures = true
      if (!this.#closed) settle(this.pictures, items)
    } catch (error) {
      // A server that keeps no pictures answers that there is no such route.
      if (error instanceof Problem && error.status === 404) this.#keepsPictures ??= false
    }
  }

  /** The most expensive question: asked again only when there is another answer to expect. */
  async #loadDependencies(): Promise<void> {
    const shape = [...this.#shape(), this.usedBy.peek()]
    if (this.dependencies.peek() !== null && shape.every((part, i) => part === this.#seen[i])) return
    const found = await api.readDependencies(this.project, this.id, 8)
    if (this.#closed) return
    this.#seen = shape
    settle(this.dependencies, found)
  }

  /** What is there now comes at once; history and dependents follow when a drag has come to rest. */
  async #load(): Promise<void> {
    try {
      const [entity, resolved] = await Promise.all([api.readEntity(this.project, this.id), api.readResolved(this.project, this.id)])
      if (this.#closed) return
      batch(() => {
        settle(this.entity, entity)
        settle(this.resolved, resolved)
        settle(this.references, resolved.references)
        settle(this.usedBy, resolved.used_by)
        this.error.value = null
      })
      this.#onBase(this)
      clearTimeout(this.#calm)
      this.#calm = setTimeout(() => void this.#loadRest(), this.versions.peek() === null ? 0 : CALM)
    } catch (error) {
      if (!this.#closed) this.error.value = error
    }
  }

  async #loadRest(): Promise<void> {
    try {
      const [versions, story] = await Promise.all([api.readVersions(this.project, this.id, null), api.readStory(this.project, this.id), this.#loadDependencies(), this.loadPictures()])
      if (this.#closed) return
      batch(() => {
        if (this.versions.peek() === null) this.older.value = versions.next_cursor
        settle(this.story, story)
        settle(this.versions, merge(this.versions.peek() ?? [], versions.items))
      })
    } catch (error) {
      if (!this.#closed && this.versions.peek() === null) this.error.value = error
    }
  }
}

/** A version never changes: the one that is known stays, so that its row is not drawn again. */
function merge(known: readonly Version[], fresh: readonly Version[]): Version[] {
  const by = new Map([...fresh, ...known].map((v) => [v.number, v]))
  return [...by.values()].toSorted((a, b) => b.number - a.number)
}
