/** Prose, letter by letter with whoever else writes; its editor is loaded when first needed. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Draft } from '../../live/drafts.ts'
import type { ProseEditor } from './editor.ts'

export interface ProseProps {
  name: string
  label: string
  draft: Draft
  ready: boolean
  readonly: boolean
  value: string
  focus?: boolean
  onLeft(): void
}

export function Prose({ name, label, draft, ready, readonly, value, focus = false, onLeft }: ProseProps) {
  const host = useRef<HTMLDivElement>(null)
  const left = useRef(onLeft)
  left.current = onLeft
  const [mounted, setMounted] = useState(false)
  useEffect(() => {
    const text = ready ? draft.text(name) : null
    if (text === null) return
    let editor: ProseEditor | null = null
    let gone = false
    void import('./editor.ts').then(({ proseEditor }) => {
      if (gone || host.current === null) return
      editor = proseEditor({ parent: host.current, text, awareness: draft.awareness, undo: draft.undoOf(text), label, readonly, onBlur: () => left.current() })
      setMounted(true)
      if (focus) host.current.querySelector<HTMLElement>('.cm-content')?.focus()
    })
    return () => {
      gone = true
      editor?.destroy()
      setMounted(false)
    }
  }, [draft, ready, readonly, name, label, focus])
  return (
    <div class="prose" dir="auto">
      {!mounted && <p class="prose-still">{value || <span class="dim">Nothing written yet</span>}</p>}
      <div ref={host} />
    </div>
  )
}
