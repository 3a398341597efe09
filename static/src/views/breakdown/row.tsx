/** One shot of the breakdown: its words, and a chip for everything it is made of. */
import type { ReadonlySignal } from '@preact/signals'
import { inkOn, isColour } from '../../sketch/colour.ts'
import type { Panel } from '../../store/shots.ts'
import type { Kind, Person, ResolvedRef } from '../../types.ts'
import { namesOf } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { now } from '../../ui/time.tsx'
import { Wash } from '../../ui/wash.tsx'
import { needsServer } from '../../ui/reach.ts'
import { previewTag, tagOf } from '../storyboard/why.ts'
import { PADDING, type Placed } from './columns.ts'
import { fit, isTight, type Measure } from './fit.ts'
import { Thumb } from './thumb.tsx'

export interface RowProps {
  id: string
  index: number
  /** Pixels from its section's top. */
  top: number
  cell: ReadonlySignal<Panel>
  columns: readonly Placed[]
  selected: boolean
  open: boolean
  /** The column and the chip in it that the keyboard is at; -1 for none. */
  column: number
  chip: number
  /** The width over height of its thumbnail; 0 for none. */
  aspect: number
  readonly: boolean
  /** Who else has it open. */
  people: readonly Person[] | undefined
  measure: Measure
  nameOf(id: string): string
  hrefOf(id: string): string
}

export const cellId = (row: number, column: number, chip = -1) => `cell-${row}-${column}${chip < 0 ? '' : `-${chip}`}`

/** A shot's references of one kind, in the order that the cell shows them. */
export const ofKind = (references: readonly ResolvedRef[], kind: string): readonly ResolvedRef[] => references.filter((r) => r.kind === kind)

/** Pixels beside an id: the mark, the gaps, the cell's padding. */
const ID_AROUND = 44

const seconds = (value: unknown) => (typeof value === 'number' && value > 0 ? `${Number(value.toFixed(1))} s` : '')

// Plain functions and no components: a row that scrolls in makes a dozen of these, and each component costs more than what it draws.
function chipOf({ reference, kind, name, href, id, at }: { reference: ResolvedRef; kind: Kind; name: string; href: string; id: string; at: boolean }) {
  const colour = reference.fields['colour']
  const pinned = reference.policy === 'pinned'
  return (
    <a key={reference.id} id={id} class={at ? 'chip at' : 'chip'} data-kind={kind.name} data-chip={reference.source} data-reference={reference.id} href={href} tabIndex={-1} draggable={false}
      title={`${kind.label}: ${reference.name} v${reference.version}${pinned ? `, pinned (newest v${reference.latest_version})` : ''}`}>
      {isColour(colour) && <span class="chip-colour" style={{ background: colour }} />}
      <bdi class="chip-name">{name}</bdi>
      {pinned && <Icon name="pin" size={10} />}
    </a>
  )
}

function chipsOf({ row, at, chip, references, kind, room, readonly, measure, hrefOf }: { row: number; at: number; chip: number; references: readonly ResolvedRef[]; kind: Kind; room: number; readonly: boolean; measure: Measure; hrefOf(id: string): string }) {
  const here = chip > -2
  // The chip that the keyboard is at is shown, whether there is room for it or not.
  const first = here && chip > 0 ? chip : 0
  const names = fit(references.slice(first), room, measure)
  const more = references.length - names.length
  const tight = isTight(references.slice(first), names, room, measure)
  const left = references.filter((_, i) => i < first || i >= first + names.length)
  return (
    <span key={kind.name} role="gridcell" class={`cell chips${here ? ' at' : ''}${tight ? ' tight' : ''}`} id={cellId(row, at)} data-column={kind.name} aria-label={references.length === 0 ? `No ${kind.label.toLowerCase()}` : undefined}>
      {names.map((name, i) => {
        const r = references[first + i] as ResolvedRef
        return chipOf({ id: cellId(row, at, first + i), at: here && chip === first + i, reference: r, kind, name, href: hrefOf(r.source) })
      })}
      {more > 0 && <span class="more" data-tip={left.map((r) => r.name).join(', ')}>+{more}</span>}
      {!readonly && <button type="button" class="add" tabIndex={-1} data-add={kind.name} {...needsServer()} aria-label={`Add ${kind.label.toLowerCase()}`}>+</button>}
    </span>
  )
}

export function RowView(props: RowProps) {
  const { id, index, top, cell, columns, selected, open, column, chip, aspect, readonly, people, measure, nameOf, hrefOf } = props
  const person = people?.[0]
  const names = namesOf(people ?? [])
  const have = `${names.join(', ')} ${names.length > 1 ? 'have' : 'has'} it open`
  const { shot, base, wash, previews } = cell.value
  const tag = previewTag(previews) ?? tagOf(base, nameOf, () => now.value)
  const text = (name: string) => (typeof shot.fields[name] === 'string' ? shot.fields[name] : '')
  const classes = ['row', selected && 'selected', open && 'open', column >= 0 && 'current', person !== undefined && 'ringed', wash > 0 && 'wash', base.status === 'omitted' && 'omitted'].filter(Boolean).join(' ')
  const at = (i: number, more = '') => `cell${more}${column === i ? ' at' : ''}`
  return (
    <div role="row" aria-rowindex={index + 2} aria-selected={selected} class={classes} data-row={id} data-entity={id} data-hash={base.hash} data-selected={selected ? '' : undefined}
      data-preview={previews.length > 0 ? previews.join(', ') : undefined} style={{ top: `${top}px`, '--person': person?.colour, '--on-person': person && inkOn(person.colour) }}>
      {wash > 0 && <Wash count={wash} />}
      {columns.map((placed, i) => {
        const { key, kind } = placed
        const cellAt = cellId(index, i)
        if (kind !== undefined) {
          return chipsOf({ row: index, at: i, chip: column === i ? chip : -2, references: ofKind(shot.references, kind.name), kind, room: placed.width - PADDING, readonly, measure, hrefOf })
        }
        switch (key) {
          case 'id':
            return (
              <span key={key} role="rowheader" id={cellAt} class={at(i, id.length * 7.4 + ID_AROUND + (aspect > 0 ? aspect * 28 : 0) > placed.width ? ' who tight' : ' who')}>
                <span class="mark" data-mark aria-hidden="true">{selected && <Icon name="check" size={12} />}</span>
                {person !== undefined && <span class="row-ring" data-mark data-ring={person.user} data-tip={have}>{names.length > 1 ? names.length : [...(names[0] ?? '')][0]?.toUpperCase()}<span class="only-read"> {have}</span></span>}
                {aspect > 0 && <Thumb cell={cell} aspect={aspect} />}
                <a class="mono id" href={hrefOf(id)} tabIndex={-1} draggable={false} title={id}><bdi>{id}</bdi></a>
              </span>
            )
          case 'framing': return <span key={key} role="gridcell" id={cellAt} class={at(i, ' words dim')}>{text('framing')}</span>
          case 'duration': return <span key={key} role="gridcell" id={cellAt} class={at(i, ' number dim')}>{seconds(shot.fields['duration'])}</span>
          case 'words': return <span key={key} role="gridcell" id={cellAt} class={at(i, ' words')} dir="auto" title={text('description')}>{shot.name !== id && <b>{shot.name} </b>}{text('description')}</span>
          case 'status': return <span key={key} role="gridcell" id={cellAt} class={at(i)}><span class="status" data-status={base.status}>{base.status}</span></span>
          default:
            return (
              <span key={key} role="gridcell" id={cellAt} class={at(i)} aria-label={tag === null ? undefined : `${tag.text}. ${tag.reason}`}>
                {tag !== null && (
                  <span class={`tag ${tag.tone}`} data-tip={tag.reason} data-why>
                    {tag.icon === 'dot' ? <span class="dot" /> : <Icon name={tag.icon} size={12} />}<span class="tag-text">{tag.text}</span>
                  </span>
                )}
              </span>
            )
        }
      })}
    </div>
  )
}
