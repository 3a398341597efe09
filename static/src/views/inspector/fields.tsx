/** The fields of an entity, each with the control its type asks for. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Draft } from '../../live/drafts.ts'
import { colourName, isColour } from '../../sketch/colour.ts'
import { leadingPerFrame } from '../../store/frames.ts'
import type { FieldSpec, Fields, Json } from '../../types.ts'
import type { ProseEditor } from './editor.ts'

export interface FieldsProps {
  specs: readonly FieldSpec[]
  values: Fields
  draft: Draft
  ready: boolean
  readonly: boolean
  /** Names of fields whose draft is ahead of what is published. */
  ahead: ReadonlySet<string>
  onProseLeft(): void
}

type Write = (value: Json) => void

function Prose({ spec, draft, ready, readonly, value, onLeft }: { spec: FieldSpec; draft: Draft; ready: boolean; readonly: boolean; value: string; onLeft(): void }) {
  const host = useRef<HTMLDivElement>(null)
  const left = useRef(onLeft)
  left.current = onLeft
  const [mounted, setMounted] = useState(false)
  useEffect(() => {
    const text = ready ? draft.text(spec.name) : null
    if (text === null) return
    let editor: ProseEditor | null = null
    let gone = false
    void import('./editor.ts').then(({ proseEditor }) => {
      if (gone || host.current === null) return
      editor = proseEditor({ parent: host.current, text, awareness: draft.awareness, label: spec.label, readonly, onBlur: () => left.current() })
      setMounted(true)
    })
    return () => {
      gone = true
      editor?.destroy()
      setMounted(false)
    }
  }, [draft, ready, readonly, spec.name, spec.label])
  return (
    <div class="prose">
      {!mounted && <p class="prose-still">{value || <span class="dim">Nothing written yet</span>}</p>}
      <div ref={host} />
    </div>
  )
}

function Colour({ id, value, write, disabled }: { id: string; value: Json | undefined; write: Write; disabled: boolean }) {
  const colour = isColour(value) ? value : '#808080'
  const latest = useRef<string>(colour)
  const at = useRef(write)
  at.current = write
  // A drag fires faster than the screen paints: at most one write per frame.
  const soon = useMemo(() => leadingPerFrame(() => at.current(latest.current)), [])
  return (
    <span class="colour-field">
      <input id={id} type="color" value={colour} disabled={disabled} onInput={(event) => {
        latest.current = event.currentTarget.value.toLowerCase()
        soon()
      }} />
      <span>{isColour(value) ? colourName(value) : <span class="dim">not set</span>}</span>
      {isColour(value) && <span class="mono dim">{value}</span>}
    </span>
  )
}

function leave(event: { key: string; preventDefault(): void; currentTarget: HTMLElement }): void {
  if (event.key !== 'Enter') return
  event.preventDefault()
  event.currentTarget.blur()
}

/** A text-like control that writes when one is done with it, and follows others meanwhile. */
function Line({ id, value, type, disabled, write }: { id: string; value: string; type: 'text' | 'number'; disabled: boolean; write(text: string): void }) {
  return type === 'number'
    ? <input key={value} id={id} class="line" type="number" step="any" defaultValue={value} disabled={disabled} onChange={(e) => write(e.currentTarget.value)} onKeyDown={leave} />
    : <textarea key={value} id={id} class="line" rows={1} defaultValue={value} disabled={disabled} onChange={(e) => write(e.currentTarget.value)} onKeyDown={leave} />
}

function Control({ spec, id, value, draft, disabled }: { spec: FieldSpec; id: string; value: Json | undefined; draft: Draft; disabled: boolean }) {
  const write: Write = (to) => draft.set(spec.name, to)
  switch (spec.type) {
    case 'colour':
      return <Colour id={id} value={value} write={write} disabled={disabled} />
    case 'choice': {
      const choices = spec.choices ?? []
      const known = typeof value === 'string' ? value : ''
      return (
        <select id={id} value={known} disabled={disabled} onChange={(event) => write(event.currentTarget.value)}>
          {known === '' && <option value="">not set</option>}
          {known !== '' && !choices.includes(known) && <option value={known}>{known}</option>}
          {choices.map((c) => <option key={c} value={c}>{c}</option>)}
        </select>
      )
    }
    case 'number':
      return <Line id={id} type="number" value={typeof value === 'number' ? String(value) : ''} disabled={disabled} write={(text) => {
        const number = Number(text)
        if (text !== '' && Number.isFinite(number)) write(number)
      }} />
    case 'list':
      return <Line id={id} type="text" value={Array.isArray(value) ? value.map(String).join(', ') : ''} disabled={disabled}
        write={(text) => write(text.split(',').map((t) => t.trim()).filter(Boolean))} />
    case 'picture':
      return <span class="dim">{typeof value === 'string' && value !== '' ? value : 'No picture yet'}</span>
    default:
      return <Line id={id} type="text" value={typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)} disabled={disabled} write={write} />
  }
}

export function FieldsView({ specs, values, draft, ready, readonly, ahead, onProseLeft }: FieldsProps) {
  const declared = new Set(specs.map((s) => s.name))
  const loose = Object.entries(values).filter(([name]) => !declared.has(name))
  const disabled = readonly || !ready
  return (
    <div class="fields">
      {specs.map((spec) => {
        const id = `field-${spec.name}`
        const value = values[spec.name]
        return (
          <div class="field" key={spec.name} data-field={spec.name} data-ahead={ahead.has(spec.name) ? '' : undefined}>
            {spec.type === 'prose' ? <span class="label">{spec.label}</span> : <label htmlFor={id}>{spec.label}</label>}
            {spec.type === 'prose'
              ? <Prose spec={spec} draft={draft} ready={ready} readonly={readonly} value={typeof value === 'string' ? value : ''} onLeft={onProseLeft} />
              : <Control spec={spec} id={id} value={value} draft={draft} disabled={disabled} />}
          </div>
        )
      })}
      {loose.map(([name, value]) => (
        <div class="field" key={name} data-field={name}>
          <span class="label">{name}</span>
          <code class="json">{JSON.stringify(value)}</code>
        </div>
      ))}
    </div>
  )
}
