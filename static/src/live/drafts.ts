/** The live documents of opened entities: at most one per entity, kept until what was typed is saved. */
import { HocuspocusProvider, type HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import type { Fields, Json } from '../types.ts'

export interface DraftPerson {
  name: string
  color: string
}

/** Marks the transactions that this page's controls make. */
export const HERE = Symbol('edited here')

const LINGER = 4_000

export class Draft {
  readonly id: string
  readonly doc = new Y.Doc()
  readonly fields: Y.Map<unknown>
  readonly provider: HocuspocusProvider
  readonly synced = signal(false)
  readonly readonly = signal(false)
  readonly refused = signal('')
  /** Edits of this page that the server has not yet confirmed. */
  readonly unsent = signal(0)
  /** The whole document as JSON; changes with every edit, one's own or another's. */
  readonly values: Signal<Fields>
  holders = 0

  constructor(id: string, sockets: HocuspocusProviderWebsocket, me: DraftPerson, onValues: (id: string, values: Fields) => void) {
    this.id = id
    this.fields = this.doc.getMap('fields')
    this.values = signal({})
    this.fields.observeDeep(() => {
      this.values.value = this.fields.toJSON() as Fields
      if (this.synced.peek()) onValues(id, this.values.peek())
    })
    this.provider = new HocuspocusProvider({
      name: id,
      document: this.doc,
      websocketProvider: sockets,
      token: '',
      onSynced: () => {
        this.values.value = this.fields.toJSON() as Fields
        this.synced.value = true
      },
      onAuthenticated: ({ scope }) => {
        this.readonly.value = scope === 'readonly'
        this.refused.value = ''
      },
      onAuthenticationFailed: ({ reason }) => {
        this.refused.value = reason
      },
      onUnsyncedChanges: ({ number }) => {
        if (number === 0) this.unsent.value = 0
      },
    })
    this.doc.on('update', (_update: Uint8Array, origin: unknown) => {
      if (origin !== this.provider) this.unsent.value += 1
    })
    this.provider.setAwarenessField('user', me)
    this.provider.attach()
  }

  get awareness(): Awareness | null {
    return this.provider.awareness
  }

  /** A discrete field; prose is a `Y.Text` and never set. */
  set(name: string, value: Json): void {
    if (this.fields.get(name) === value) return
    this.doc.transact(() => this.fields.set(name, value), HERE)
  }

  text(name: string): Y.Text | null {
    const found = this.fields.get(name)
    return found instanceof Y.Text ? found : null
  }

  destroy(): void {
    this.provider.destroy()
    this.doc.destroy()
  }
}

export class Drafts {
  readonly unsent: ReadonlySignal<number>
  readonly #open = signal<ReadonlyMap<string, Draft>>(new Map())
  readonly #sockets: HocuspocusProviderWebsocket
  readonly #me: DraftPerson
  readonly #onValues: (id: string, values: Fields) => void

  constructor(sockets: HocuspocusProviderWebsocket, me: DraftPerson, onValues: (id: string, values: Fields) => void) {
    this.#sockets = sockets
    this.#me = me
    this.#onValues = onValues
    this.unsent = computed(() => [...this.#open.value.values()].reduce((sum, draft) => sum + draft.unsent.value, 0))
  }

  open(id: string): Draft {
    let draft = this.#open.peek().get(id)
    if (draft === undefined) {
      draft = new Draft(id, this.#sockets, this.#me, this.#onValues)
      this.#open.value = new Map(this.#open.peek()).set(id, draft)
    }
    draft.holders += 1
    return draft
  }

  peek(id: string): Draft | undefined {
    return this.#open.peek().get(id)
  }

  release(draft: Draft): void {
    draft.holders -= 1
    draft.awareness?.setLocalStateField('cursor', null)
    setTimeout(() => this.#close(draft), LINGER)
  }

  destroy(): void {
    for (const draft of this.#open.peek().values()) draft.destroy()
    this.#open.value = new Map()
  }

  #close(draft: Draft): void {
    if (draft.holders > 0 || this.#open.peek().get(draft.id) !== draft) return
    if (draft.unsent.peek() > 0) {
      setTimeout(() => this.#close(draft), LINGER)
      return
    }
    const left = new Map(this.#open.peek())
    left.delete(draft.id)
    this.#open.value = left
    draft.destroy()
  }
}
