/** Where others write: their selections and carets with names, speaking y-codemirror's awareness. */
import { Annotation, type Extension, type Range } from '@codemirror/state'
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'
import type { Awareness } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { inkOn, isColour } from '../../sketch/colour.ts'

const moved = Annotation.define<boolean>()

interface Cursor {
  anchor: Y.RelativePosition
  head: Y.RelativePosition
}

interface PeerState {
  user?: { name?: unknown; color?: unknown }
  cursor?: { anchor?: unknown; head?: unknown } | null
}

class Caret extends WidgetType {
  readonly colour: string
  readonly name: string

  constructor(colour: string, name: string) {
    super()
    this.colour = colour
    this.name = name
  }

  override eq(other: Caret): boolean {
    return other.colour === this.colour && other.name === this.name
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement('span')
    caret.className = 'peer-caret'
    caret.dataset['caret'] = this.name
    caret.style.setProperty('--person', this.colour)
    caret.style.setProperty('--on-person', inkOn(this.colour))
    const label = document.createElement('span')
    label.className = 'peer-name'
    label.textContent = this.name
    caret.append('\u2060', label, '\u2060')
    return caret
  }

  override ignoreEvent(): boolean {
    return true
  }
}

function absolute(at: unknown, text: Y.Text): number | null {
  if (at === null || at === undefined || text.doc === null) return null
  const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(at), text.doc)
  return found === null || found.type !== text ? null : found.index
}

function decorate(view: EditorView, text: Y.Text, awareness: Awareness): DecorationSet {
  const marks: Range<Decoration>[] = []
  const end = view.state.doc.length
  for (const [client, state] of awareness.getStates() as Map<number, PeerState>) {
    if (client === awareness.doc.clientID) continue
    const [anchor, head] = [absolute(state.cursor?.anchor, text), absolute(state.cursor?.head, text)]
    if (anchor === null || head === null || Math.max(anchor, head) > end) continue
    const colour = isColour(state.user?.color) ? state.user.color : '#7a869a'
    const name = typeof state.user?.name === 'string' ? state.user.name : 'Somebody'
    if (anchor !== head) {
      marks.push(Decoration.mark({ class: 'peer-selection', attributes: { style: `background-color: ${colour}40` } }).range(Math.min(anchor, head), Math.max(anchor, head)))
    }
    marks.push(Decoration.widget({ side: head > anchor ? -1 : 1, widget: new Caret(colour, name) }).range(head))
  }
  return Decoration.set(marks, true)
}

class Carets {
  decorations: DecorationSet
  readonly #text: Y.Text
  readonly #awareness: Awareness
  readonly #listen: (change: { added: number[]; updated: number[]; removed: number[] }) => void

  constructor(view: EditorView, text: Y.Text, awareness: Awareness) {
    this.#text = text
    this.#awareness = awareness
    this.decorations = decorate(view, text, awareness)
    this.#listen = ({ added, updated, removed }) => {
      if ([...added, ...updated, ...removed].some((id) => id !== awareness.doc.clientID)) {
        // Awareness may speak up in the middle of a CodeMirror update, which must not nest.
        queueMicrotask(() => view.dom.isConnected && view.dispatch({ annotations: moved.of(true) }))
      }
    }
    awareness.on('change', this.#listen)
  }

  update(update: ViewUpdate): void {
    if (update.selectionSet || update.docChanged || update.focusChanged) this.#tell(update)
    this.decorations = decorate(update.view, this.#text, this.#awareness)
  }

  destroy(): void {
    this.#awareness.off('change', this.#listen)
  }

  #tell({ view, state }: ViewUpdate): void {
    const before = (this.#awareness.getLocalState()?.['cursor'] ?? null) as Cursor | null
    if (!view.hasFocus) {
      if (before !== null) this.#awareness.setLocalStateField('cursor', null)
      return
    }
    const { anchor, head } = state.selection.main
    const next: Cursor = { anchor: Y.createRelativePositionFromTypeIndex(this.#text, anchor), head: Y.createRelativePositionFromTypeIndex(this.#text, head) }
    const still = before !== null && Y.compareRelativePositions(before.anchor, next.anchor) && Y.compareRelativePositions(before.head, next.head)
    if (!still) this.#awareness.setLocalStateField('cursor', next)
  }
}

export function carets(text: Y.Text, awareness: Awareness): Extension {
  return ViewPlugin.define((view) => new Carets(view, text, awareness), { decorations: (value) => value.decorations })
}
