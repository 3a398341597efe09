/** What one reference changes of its source, here and nowhere else. */
import { useEffect, useState } from 'preact/hooks'
import type { Fields, FieldSpec, Json, Kind, ResolvedRef, Version } from '../../types.ts'
import { Value } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { away, needsServer } from '../../ui/reach.ts'
import { Control } from './controls.tsx'

export interface OverridesProps {
  reference: ResolvedRef
  kind: Kind | undefined
  readonly: boolean
  open: boolean
  versionOf(id: string, number: number): Promise<Version>
  onOverrides(overrides: Fields): void
}

/** The source's own fields; a reference carries them with its overrides already applied. */
function useSource({ source, version }: ResolvedRef, wanted: boolean, versionOf: OverridesProps['versionOf']): Fields | null {
  const [fields, setFields] = useState<Fields | null>(null)
  useEffect(() => {
    if (!wanted) return
    let gone = false
    versionOf(source, version).then((found) => !gone && setFields(found.fields), () => undefined)
    return () => {
      gone = true
    }
  }, [source, version, wanted, versionOf])
  return fields
}

export function without(overrides: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(overrides).filter(([key]) => key !== name))
}

export function Overrides({ reference: r, kind, readonly, open, versionOf, onOverrides }: OverridesProps) {
  const [started, setStarted] = useState<string | null>(null)
  const names = Object.keys(r.overrides)
  const source = useSource(r, open || names.length > 0, versionOf)
  const specs = kind?.fields ?? []
  const specOf = (name: string): FieldSpec => specs.find((s) => s.name === name) ?? { name, label: name, type: 'text', facet: 'metadata' }
  const shown = started === null || names.includes(started) ? names : [...names, started]
  const free = specs.filter((s) => s.type !== 'picture' && !shown.includes(s.name))
  const set = (name: string, value: Json) => {
    if (value === null) return
    setStarted(null)
    onOverrides({ ...r.overrides, [name]: value })
  }
  if (shown.length === 0 && !open) return null
  return (
    <div class="overrides" data-overrides={names.length}>
      {shown.map((name) => {
        const spec = specOf(name)
        const id = `override-${r.id}-${name}`
        const fresh = !names.includes(name)
        return (
          <div class="override" key={name} data-override={name}>
            {spec.type === 'colour' || spec.type === 'picture' ? <span class="label">{spec.label}</span> : <label htmlFor={id}>{spec.label}</label>}
            <Control spec={spec} id={id} label={`${spec.label}, overridden here`} lazy disabled={readonly || away.value !== null} value={fresh ? source?.[name] : r.overrides[name]} write={(value) => set(name, value)} />
            {!readonly && <button type="button" class="quiet" aria-label={fresh ? `Leave ${spec.label} as it is` : `Take the override of ${spec.label} away`} data-testid="remove-override" {...needsServer()} onClick={() => {
              setStarted(null)
              if (!fresh) onOverrides(without(r.overrides, name))
            }}><Icon name="x" size={14} /></button>}
            <small class="override-note">{fresh ? 'Choose another value; it holds here only.' : <>overridden here, otherwise <Value value={source?.[name]} /></>}</small>
          </div>
        )
      })}
      {open && !readonly && (free.length === 0 ? <p class="dim">{specs.length === 0 ? 'This kind declares no fields to override.' : 'Every field is overridden here.'}</p> : (
        <select class="add-override" aria-label={`Override a field of ${r.name} here`} data-testid="add-override" {...needsServer()} value="" onChange={(event) => setStarted(event.currentTarget.value)}>
          <option value="" disabled>Override a field here…</option>
          {free.map((s) => <option key={s.name} value={s.name}>{s.label}</option>)}
        </select>
      ))}
    </div>
  )
}
