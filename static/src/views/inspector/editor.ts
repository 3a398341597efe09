/** CodeMirror on a shared text: letter by letter, with the others' carets. Loaded when first needed. */
import { defaultKeymap } from '@codemirror/commands'
import { EditorState } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import type { Awareness } from 'y-protocols/awareness'
import type * as Y from 'yjs'
import { carets } from './carets.ts'

export interface ProseEditor {
  destroy(): void
}

export interface ProseOptions {
  parent: HTMLElement
  text: Y.Text
  awareness: Awareness | null
  undo: Y.UndoManager
  label: string
  readonly: boolean
  onBlur(): void
}

export function proseEditor({ parent, text, awareness, undo, label, readonly, onBlur }: ProseOptions): ProseEditor {
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        EditorView.lineWrapping,
        EditorState.readOnly.of(readonly),
        EditorView.editable.of(!readonly),
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'true', autocapitalize: 'sentences' }),
        placeholder('Write here'),
        // Its own caret widget sets style attributes, which a strict policy refuses; `carets` does not.
        yCollab(text, null, { undoManager: undo }),
        ...(awareness === null ? [] : [carets(text, awareness)]),
        EditorView.domEventHandlers({ blur: () => onBlur() }),
      ],
    }),
  })
}
