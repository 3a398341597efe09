/** The fields of an entity, each with the control its type asks for. */
import { useMemo, useRef } from 'preact/hooks'
import type { Draft } from '../../live/drafts.ts'
import type { FieldSpec, Fields, Json } from '../../types.ts'
import { memo } from '../../ui/memo.ts'
import { Time } from '../../ui/time.tsx'
import { Control, LooseControl } from './controls.tsx'
import { Prose } from './prose.tsx'
import { Script } from './script.tsx'

/** Kept in fields, and of no use to a reader. */
const INNER: ReadonlySet<string> = new Set(['script_order'])
/** Written by the import of a screenplay, and by nobody else: shown where there is something to read. */
const IMPORTED: ReadonlySet<string> = new Set(['revised_at', 'revision'])
/** Says that runs reach an entity first. */
const FIRST: FieldSpec = { name: 'critical', label: 'Always first', type: 'text', facet: 'metadata' }
/** What a number counts, where its name does not say it well. */
const MEASURED: { readonly [name: string]: { label: string; unit: string } } = {
  duration: { label: 'Length', unit: 'seconds' },
  length_eighths: { label: 'Length', unit: 'eighths of a page' },
}

export interface FieldsProps {
  specs: readonly FieldSpec[]
  /** What is published, shown until the draft is there. */
  published: Fields
  draft: Draft
  readonly: boolean
  /** Names of fields whose draft is ahead of what is published. */
  ahead: readonly string[]
  /** Whether it can be reached by a run, and so be reached first. */
  reached: boolean
  onProseLeft(): void
}

interface RowProps {
  spec: FieldSpec
  value: Json | undefined
  draft: Draft
  ready: boolean
  readonly: boolean
  ahead: boolean
  declared: boolean
  onProseLeft(): void
}

/** Drawn again only when its own value is another one. */
const Row = memo(function Row({ spec, value, draft, ready, readonly, ahead, declared, onProseLeft }: RowProps) {
  const { name, type } = spec
  const measured = declared && type === 'number' ? MEASURED[name] : undefined
  const label = measured?.label ?? spec.label
  const id = `field-${name}`
  const write = useMemo(() => (to: Json) => draft.set(name, to), [draft, name])
  const disabled = readonly || !ready
  const prose = declared && type === 'prose'
  const text = typeof value === 'string' ? value : ''
  return (
    <div class={prose && name === 'script' ? 'field wide' : 'field'} data-field={name} data-ahead={ahead ? '' : undefined}>
      {prose || type === 'picture' || IMPORTED.has(name) ? <span class="label">{label}</span> : <label htmlFor={id}>{label}</label>}
      {prose && name === 'script' ? <Script label={label} draft={draft} ready={ready} readonly={readonly} value={text} onLeft={onProseLeft} />
        : prose ? <Prose name={name} label={label} draft={draft} ready={ready} readonly={readonly} value={text} onLeft={onProseLeft} />
          : IMPORTED.has(name) && text !== '' ? <span class="still" id={id} dir="auto">{name === 'revised_at' ? <Time iso={text} /> : text}</span>
          : measured !== undefined ? <span class="measured"><Control spec={spec} id={id} value={value} disabled={disabled} label={`${label} in ${measured.unit}`} write={write} /><span class="dim">{measured.unit}</span></span>
          : name === FIRST.name && typeof value === 'boolean' ? <span class="measured"><LooseControl name={name} id={id} value={value} disabled={disabled} write={write} /><span class="dim">changes reach it before the rest</span></span>
          : declared ? <Control spec={spec} id={id} value={value} disabled={disabled} write={write} />
            : <LooseControl name={name} id={id} value={value ?? null} disabled={disabled} write={write} />}
    </div>
  )
})

const isEmpty = (value: Json | undefined) => value === undefined || value === null || value === ''

/** A name as a label: `lining_colour` → "Lining colour". */
export const labelOf = (name: string) => name === FIRST.name ? FIRST.label : `${name[0]?.toUpperCase() ?? ''}${name.slice(1).replaceAll('_', ' ')}`

export function FieldsView({ specs, published, draft, readonly, ahead, reached, onProseLeft }: FieldsProps) {
  const ready = draft.synced.value
  const values = ready ? draft.values.value : published
  const declared = new Set(specs.map((s) => s.name))
  const loose = useRef(new Map<string, FieldSpec>()).current
  const looseSpec = (name: string): FieldSpec => {
    const spec = loose.get(name) ?? { name, label: labelOf(name), type: 'text', facet: 'metadata' }
    loose.set(name, spec)
    return spec
  }
  const others = Object.entries(values).filter(([name, value]) => !declared.has(name) && !INNER.has(name) && value !== null && !(name === FIRST.name && reached))
  const common = { draft, ready, readonly: readonly || draft.readonly.value, onProseLeft }
  return (
    <div class="fields">
      {specs.filter((spec) => !INNER.has(spec.name) && !(IMPORTED.has(spec.name) && isEmpty(values[spec.name]))).map((spec) => <Row key={spec.name} spec={spec} declared value={values[spec.name]} ahead={ahead.includes(spec.name)} {...common} />)}
      {others.map(([name, value]) => <Row key={name} spec={looseSpec(name)} declared={false} value={settledValue(draft, name, value)} ahead={ahead.includes(name)} {...common} />)}
      {reached && !declared.has(FIRST.name) && <Row key={FIRST.name} spec={FIRST} declared={false} value={values[FIRST.name] ?? false} ahead={ahead.includes(FIRST.name)} {...common} />}
    </div>
  )
}

/** Lists and objects come anew with every edit; the same content keeps its identity. */
const known = new WeakMap<Draft, Map<string, { text: string; value: Json }>>()

function settledValue(draft: Draft, name: string, value: Json): Json {
  if (typeof value !== 'object') return value
  const values = known.get(draft) ?? new Map<string, { text: string; value: Json }>()
  known.set(draft, values)
  const text = JSON.stringify(value)
  const before = values.get(name)
  if (before?.text === text) return before.value
  values.set(name, { text, value })
  return value
}
