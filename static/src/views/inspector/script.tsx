/** A scene's text as a page of a screenplay; the very text is a click away. */
import { useMemo, useState } from 'preact/hooks'
import { Prose, type ProseProps } from './prose.tsx'
import { scriptLines } from './screenplay.ts'

export function ScriptPage({ label, text }: { label: string; text: string }) {
  const lines = useMemo(() => scriptLines(text), [text])
  return <div class="script" tabIndex={0} role="document" aria-label={label}>{lines.map((line) => <p key={line.at} class={line.kind} dir="auto">{line.text}</p>)}</div>
}

export function Script(props: Omit<ProseProps, 'name'>) {
  const [editing, setEditing] = useState(false)
  return (
    <div class="script-field">
      {editing ? <div class="script-edit"><Prose name="script" {...props} focus /></div>
        : props.value.trim() === '' ? <p class="dim">Nothing written yet</p>
          : <ScriptPage label={props.label} text={props.value} />}
      {!props.readonly && <button type="button" aria-pressed={editing} data-testid="edit-script" onClick={() => setEditing(!editing)}>{editing ? 'Show as a page' : 'Edit the text'}</button>}
    </div>
  )
}
