/** One control per type of field; each follows what others set, and never loses the focus for it. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { colourName, isColour } from '../../sketch/colour.ts'
import { leadingPerFrame } from '../../store/frames.ts'
import { same } from '../../store/overlay.ts'
import type { FieldSpec, Json } from '../../types.ts'

export type Write = (value: Json) => void

export interface ControlProps {
  spec: FieldSpec
  id: string
  value: Json | undefined
  disabled: boolean
  /** A label for where no <label> names the control. */
  label?: string
  /** Writes once one is done with it, not while a colour is dragged. */
  lazy?: boolean
  write: Write
}

interface ColourProps {
  id: string
  value: Json | undefined
  label: string
  disabled: boolean
  lazy: boolean
  write: Write
}

function Colour({ id, value, label, disabled, lazy, write }: ColourProps) {
  const colour = isColour(value) ? value : '#808080'
  const [wrong, setWrong] = useState(false)
  const latest = useRef<string>(colour)
  const at = useRef(write)
  at.current = write
  // A drag fires faster than the screen paints: at most one write per frame.
  const soon = useMemo(() => leadingPerFrame(() => at.current(latest.current)), [])
  const take = (to: string) => {
    latest.current = to.toLowerCase()
    soon()
  }
  const type = (text: string) => {
    const hex = readHex(text)
    setWrong(hex === undefined)
    if (hex !== undefined) write(hex)
  }
  return (
    <span class="colour-field">
      <input id={id} type="color" class={isColour(value) ? undefined : 'unset'} value={colour} disabled={disabled} aria-label={label}
        onInput={(event) => !lazy && take(event.currentTarget.value)} onChange={(event) => lazy && take(event.currentTarget.value)} />
      <Line id={`${id}-hex`} type="text" label={`${label} as a hex value`} value={isColour(value) ? value : ''} disabled={disabled} wrong={wrong} hint="#rrggbb" write={type} />
      <span class="colour-name">{wrong ? <span class="bad">write it as #d8a31a</span> : isColour(value) ? colourName(value) : <span class="dim">not set</span>}</span>
    </span>
  )
}

/** `#abc`, `abcdef` or `#ABCDEF` as `#rrggbb`; null for nothing; undefined for what is no colour. */
export function readHex(text: string): string | null | undefined {
  const bare = text.trim().replace(/^#/, '').toLowerCase()
  if (bare === '') return null
  if (/^[0-9a-f]{3}$/.test(bare)) return `#${[...bare].map((c) => c + c).join('')}`
  return /^[0-9a-f]{6}$/.test(bare) ? `#${bare}` : undefined
}

/** What one press of an arrow key adds: the last decimal that is there. */
export function stepOf(value: number): number {
  const decimals = /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0
  return decimals === 0 ? 1 : 10 ** -Math.min(decimals, 4)
}

interface LineProps {
  id: string
  value: string
  type: 'text' | 'number' | 'lines'
  disabled: boolean
  label?: string
  hint?: string
  wrong?: boolean
  step?: number
  /** Becomes `data-testid`. */
  hook?: string
  /** Why nobody can begin to write now; whoever is in the middle of it ends it. */
  fixed?: string | null
  write(text: string): void
}

/** Writes when one is done with it. What others set meanwhile shows, unless one is in the middle of typing. */
export function Line({ id, value, type, disabled, label, hint, wrong = false, step, hook, fixed = null, write }: LineProps) {
  const input = useRef<HTMLInputElement & HTMLTextAreaElement>(null)
  const typing = useRef(false)
  const [, redraw] = useState(0)
  useLayoutEffect(() => {
    if (input.current !== null && !typing.current && input.current.value !== value) input.current.value = value
  }, [value])
  const common = {
    ref: input,
    id,
    class: 'line',
    defaultValue: value,
    disabled,
    dir: 'auto' as const,
    'aria-label': label,
    'aria-invalid': wrong || undefined,
    placeholder: hint,
    'data-testid': hook,
    readOnly: fixed !== null && !typing.current,
    'data-tip': fixed ?? undefined,
    onInput: () => {
      typing.current = true
    },
    onBlur: () => {
      typing.current = false
      if (fixed !== null) redraw((n) => n + 1)
    },
    onChange: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
      typing.current = false
      write(event.currentTarget.value)
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || type === 'lines' || event.isComposing) return
      event.preventDefault()
      input.current?.blur()
    },
  }
  if (type === 'number') return <input type="number" step={step ?? 'any'} {...common} />
  return <textarea rows={1} {...common} />
}

const isWord = (value: Json): value is string | number => typeof value === 'string' || typeof value === 'number'

/** A list as lines; numbers stay numbers. */
export function readLines(text: string, before: readonly Json[]): Json[] {
  const numbers = before.length > 0 && before.every((v) => typeof v === 'number')
  const lines = text.split('\n').map((t) => t.trim()).filter((t) => t !== '')
  return lines.map((t) => (numbers && Number.isFinite(Number(t)) ? Number(t) : t))
}

function AnyJson({ id, value, label, disabled, write }: Omit<ColourProps, 'lazy'>) {
  const [wrong, setWrong] = useState(false)
  return (
    <>
      <Line id={id} type="lines" label={label} value={value === undefined ? '' : JSON.stringify(value, null, 1)} disabled={disabled} wrong={wrong} write={(text) => {
        try {
          const read: Json = text.trim() === '' ? null : (JSON.parse(text) as Json)
          setWrong(false)
          if (!same(read, value)) write(read)
        } catch {
          setWrong(true)
        }
      }} />
      {wrong && <small class="bad" role="alert">This is not valid JSON, so it is not saved.</small>}
    </>
  )
}

export function Control({ spec, id, value, disabled, label = spec.label, lazy = false, write }: ControlProps) {
  const common = { id, disabled, label }
  switch (spec.type) {
    case 'colour':
      return <Colour {...common} value={value} lazy={lazy} write={write} />
    case 'choice': {
      const choices = spec.choices ?? []
      const known = typeof value === 'string' ? value : ''
      return (
        <select id={id} aria-label={label} value={known} disabled={disabled} onChange={(event) => write(event.currentTarget.value === '' ? null : event.currentTarget.value)}>
          <option value="">not set</option>
          {known !== '' && !choices.includes(known) && <option value={known}>{known}</option>}
          {choices.map((c) => <option key={c} value={c}>{c}</option>)}
        </select>
      )
    }
    case 'number':
      return <Line {...common} type="number" step={typeof value === 'number' ? stepOf(value) : 1} value={typeof value === 'number' ? String(value) : ''} write={(text) => {
        const number = Number(text)
        if (Number.isFinite(number)) write(text.trim() === '' ? null : number)
      }} />
    case 'list': {
      const items = Array.isArray(value) ? value : []
      if (!items.every(isWord)) return <AnyJson {...common} value={value} write={write} />
      return <Line {...common} type="lines" hint="One on each line" value={items.map(String).join('\n')} write={(text) => {
        const read = readLines(text, items)
        if (!same(read, items)) write(read)
      }} />
    }
    case 'picture':
      return <span class="still">{typeof value === 'string' && value !== '' ? value : <span class="dim">No picture yet</span>}</span>
    default:
      return typeof value === 'object' && value !== null ? <AnyJson {...common} value={value} write={write} />
        : <Line {...common} type="text" value={value === undefined || value === null ? '' : String(value)} write={write} />
  }
}

/** A field that no kind declares: its value says how it is edited. */
export function LooseControl({ name, id, value, disabled, write }: { name: string; id: string; value: Json; disabled: boolean; write: Write }) {
  if (typeof value === 'boolean') return <input id={id} class="tick" type="checkbox" checked={value} disabled={disabled} onChange={(event) => write(event.currentTarget.checked)} />
  const type = isColour(value) ? 'colour' : typeof value === 'number' ? 'number' : Array.isArray(value) ? 'list' : 'text'
  return <Control spec={{ name, label: name, type, facet: 'metadata' }} id={id} value={value} disabled={disabled} write={write} />
}
