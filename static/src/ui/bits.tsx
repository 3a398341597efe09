/** Small shared pieces: kinds, swatches, people, notices. */
import type { ComponentChildren } from 'preact'
import { colourName, inkOn, isColour } from '../sketch/colour.ts'
import type { Json, Kind, Person } from '../types.ts'
import { Icon, iconName, type IconName } from './icon.tsx'

/** A kind always shows as colour, icon and word. */
export function KindMark({ kind, name }: { kind: Kind | undefined; name: string }) {
  return (
    <span class="kind" data-kind={name}>
      <Icon name={iconName(kind?.icon ?? 'box')} size={14} />
      {kind?.label ?? name}
    </span>
  )
}

export function Swatch({ colour }: { colour: string }) {
  return <span class="swatch" style={isColour(colour) ? { background: colour } : {}} />
}

/** A value as words; a colour with its swatch and everyday name. */
export function Value({ value }: { value: Json | undefined }) {
  if (value === undefined || value === null || value === '') return <span class="dim">nothing</span>
  if (isColour(value)) return <span class="value-colour"><Swatch colour={value} />{colourName(value)}</span>
  if (typeof value === 'boolean') return <>{value ? 'yes' : 'no'}</>
  if (Array.isArray(value) && value.every((v) => typeof v === 'string' || typeof v === 'number')) return <>{value.length === 0 ? <span class="dim">nothing</span> : value.join(', ')}</>
  return typeof value === 'object' ? <code class="json">{JSON.stringify(value)}</code> : <bdi>{String(value)}</bdi>
}

export function Avatar({ person, here }: { person: Pick<Person, 'name' | 'user' | 'colour'>; here: string }) {
  const name = person.name || person.user
  return (
    <span class="avatar" data-person={person.user} style={{ background: person.colour, color: inkOn(person.colour) }} data-tip={here} tabIndex={0} role="img" aria-label={here}>
      {[...name][0]?.toUpperCase() ?? '·'}
    </span>
  )
}

/** Each once, however many windows they have open. */
export const namesOf = (people: readonly Person[]) => [...new Set(people.map((p) => p.name || p.user))]

/** Grey bars where words will be; they appear only when the wait is long enough to notice. */
export function Skeleton({ words, rows = 4 }: { words: string; rows?: number }) {
  return (
    <div class="skeleton" aria-busy="true">
      <p class="only-read" role="status">{words}</p>
      {Array.from({ length: rows }, (_, i) => <span key={i} aria-hidden="true" />)}
    </div>
  )
}

/** "5,000" */
export const number = (n: number) => n.toLocaleString('en')

/** "1 shot", "2 shots" */
export const count = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`

export function Notice({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="notice">
      <Icon name={icon} size={24} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}
