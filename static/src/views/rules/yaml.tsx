/** All rules as text: read, kept as a file, brought in from one, and replaced as a whole. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { explain, Problem } from '../../api/problem.ts'
import { Skeleton } from '../../ui/bits.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'

export interface YamlProps {
  name: string
  readonly: boolean
  read(): Promise<string>
  replace(text: string): Promise<void>
  onClose(): void
}

/** `rules.3.affected_over` as somebody counts who reads the text. */
export function placeInText(field: string): string {
  const [, index, ...rest] = /^rules\.(\d+)\.(.+)$/.exec(field) ?? []
  return index === undefined ? field : `Rule ${Number(index) + 1}, ${rest.join('.')}`
}

export function YamlDialog({ name, readonly, read, replace, onClose }: YamlProps) {
  const [text, setText] = useState<string | null>(null)
  const [saved, setSaved] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const file = useRef<HTMLInputElement>(null)
  const reader = useRef(read)
  useEffect(() => {
    let gone = false
    reader.current().then((found) => {
      if (gone) return
      setText(found)
      setSaved(found)
    }, (failed: unknown) => !gone && setError(failed))
    return () => {
      gone = true
    }
  }, [])
  const save = async () => {
    if (text === null) return
    setBusy(true)
    setError(null)
    try {
      await replace(text)
      onClose()
    } catch (failed) {
      setError(failed)
      setBusy(false)
    }
  }
  const download = () => {
    const url = URL.createObjectURL(new Blob([text ?? ''], { type: 'application/yaml' }))
    const link = document.createElement('a')
    link.href = url
    link.download = `${name}-rules.yaml`
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 1_000)
  }
  const named = error instanceof Problem ? error.errors : []
  const problem = error === null ? null : explain(error)
  return (
    <Dialog title="Rules as YAML" hook="rules-yaml" class="wide" onClose={onClose}>
      {text === null && error === null && <Skeleton words="Loading the rules…" rows={6} />}
      <form onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}>
        {text !== null && <textarea class="yaml mono" aria-label="Rules as YAML" spellcheck={false} readOnly={readonly} rows={18} value={text} aria-invalid={error !== null || undefined} onInput={(event) => setText(event.currentTarget.value)} />}
        {problem !== null && (
          <div class="refused" role="alert" data-yaml-refused>
            <p>{named.length > 0 ? 'These rules are not valid; nothing was changed.' : `${problem.what} ${problem.next}`}</p>
            {named.length > 0 && <ul>{named.map((one) => <li key={`${one.field} ${one.message}`} data-problem={one.field}><b>{placeInText(one.field)}</b>: {one.message}</li>)}</ul>}
          </div>
        )}
        <p class="actions">
          <button type="button" data-testid="yaml-download" disabled={text === null} onClick={download}><Icon name="download" size={14} />Keep as a file</button>
          {!readonly && <button type="button" data-testid="yaml-load" onClick={() => file.current?.click()}><Icon name="upload" size={14} />Take from a file</button>}
          <input ref={file} type="file" accept=".yaml,.yml,application/yaml,text/yaml" hidden data-testid="yaml-file" onChange={(event) => {
            const [chosen] = event.currentTarget.files ?? []
            event.currentTarget.value = ''
            if (chosen !== undefined) void chosen.text().then((found) => {
              setText(found)
              setError(null)
            }, setError)
          }} />
          {!readonly && <button type="submit" class="primary" data-testid="yaml-save" {...needsServer(busy || text === null || text === saved)}>{busy ? 'Replacing…' : 'Replace all rules'}</button>}
        </p>
      </form>
    </Dialog>
  )
}
