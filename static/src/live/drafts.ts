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

/** How long an edit may go unconfirmed on an open line before it counts as not saved. */
const PATIENCE = 5_000

/** The server's answer to an edit that it did not take: sync status 0. */
const SYNC_STATUS = 8

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
  /** The line is open, and still nobody confirms. */
  readonly stalled = signal(false)
  /** The server did not take an edit, and will not. */
  readonly rejected = signal(false)
  /** The whole document as JSON; changes with every edit, one's own or another's. */
  readonly values: Signal<Fields>
  holders = 0
  readonly #undo = new Map<Y.Text, Y.UndoManager>()
  #unconfirmed = 0
  #patience: ReturnType<typeof setTimeout> | undefined

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
        const heard = number < this.#unconfirmed
        this.#unconfirmed = number
        if (number === 0) this.unsent.value = 0
        if (heard) this.#wait(true)
      },
      onOpen: () => this.#wait(true),
      onClose: () => {
        this.#wait(false)
        this.#forgetOthers()
      },
      onMessage: ({ message }) => {
        message.readVarString()
        if (message.readVarUint() === SYNC_STATUS && message.readVarUint() === 0) this.rejected.value = true
      },
    })
    this.doc.on('update', (_update: Uint8Array, origin: unknown) => {
      if (origin === this.provider) return
      this.unsent.value += 1
      if (this.unsent.peek() === 1) this.#wait(true)
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

  /** Takes back what is typed here into this text, never what others do; remembers for as long as the draft is open. */
  undoOf(text: Y.Text): Y.UndoManager {
    const found = this.#undo.get(text) ?? new Y.UndoManager(text, { trackedOrigins: new Set() })
    this.#undo.set(text, found)
    return found
  }

  /** Their states come again as they were: what is known of a clock would make them look old, and their carets stay away. */
  #forgetOthers(): void {
    const { awareness } = this
    awareness?.meta.forEach((_seen, client) => client === this.doc.clientID || awareness.meta.delete(client))
  }

  /** Waits anew for the server to confirm what is unsent; only an open line is waited for. */
  #wait(open: boolean): void {
    clearTimeout(this.#patience)
    this.stalled.value = false
    if (!open || this.unsent.peek() === 0) return
    this.#patience = setTimeout(() => (this.stalled.value = true), PATIENCE)
  }

  destroy(): void {
    clearTimeout(this.#patience)
    this.provider.destroy()
    this.doc.destroy()
  }
}

/** Everybody's drafts of this page: those of a project that was left go on until they are sent. */
const all = new Set<Drafts>()

/** Edits that would be lost if the page went away now. */
export const unsentAnywhere = () => [...all].reduce((sum, drafts) => sum + drafts.unsent.peek(), 0)

export class Drafts {
  readonly unsent: ReadonlySignal<number>
  readonly stalled: ReadonlySignal<boolean>
  /** The drafts with an edit that the server did not take. */
  readonly rejected: ReadonlySignal<readonly string[]>
  readonly #open = signal<ReadonlyMap<string, Draft>>(new Map())
  readonly #sockets: HocuspocusProviderWebsocket
  readonly #me: DraftPerson
  readonly #onValues: (id: string, values: Fields) => void

  constructor(sockets: HocuspocusProviderWebsocket, me: DraftPerson, onValues: (id: string, values: Fields) => void) {
    this.#sockets = sockets
    this.#me = me
    this.#onValues = onValues
    this.unsent = computed(() => [...this.#open.value.values()].reduce((sum, draft) => sum + draft.unsent.value, 0))
    this.stalled = computed(() => [...this.#open.value.values()].some((draft) => draft.stalled.value))
    this.rejected = computed(() => [...this.#open.value.values()].filter((draft) => draft.rejected.value).map((draft) => draft.id))
    all.add(this)
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
    all.delete(this)
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
