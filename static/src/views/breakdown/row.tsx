/** One shot of the breakdown: its words, and a chip for everything it is made of. */
import type { ReadonlySignal } from '@preact/signals'
import type { Panel } from '../../store/shots.ts'
import { isColour } from '../../sketch/colour.ts'
import type { Kind, Person, ResolvedRef } from '../../types.ts'
import { Icon, iconName } from '../../ui/icon.tsx'
import { now } from '../../ui/time.tsx'
import { previewTag, tagOf } from '../storyboard/why.ts'
import { Wash } from '../../ui/wash.tsx'

export interface RowProps {
  id: string
  index: number
  cell: ReadonlySignal<Panel>
  columns: readonly Kind[]
  selected: boolean
  current: boolean
  person: Person | undefined
  nameOf(id: string): string
  hrefOf(id: string): string
}

/** Where several share a cell: a person's first name, a thing's last word. */
function briefly(name: string, kind: string): string {
  const words = name.split(/\s+/)
  return (kind === 'character' && words[0] !== 'The' ? words[0] : words.at(-1)) ?? name
}

const SHOWN = 3

function Chips({ references, kind, hrefOf }: { references: readonly ResolvedRef[]; kind: Kind; hrefOf(id: string): string }) {
  const more = references.length - SHOWN
  return (
    <span role="gridcell" class="cell chips">
      {references.slice(0, SHOWN).map((r) => <Chip key={r.id} reference={r} kind={kind} href={hrefOf(r.source)} brief={references.length > 1} />)}
      {more > 0 && <span class="dim" title={references.slice(SHOWN).map((r) => r.name).join(', ')}>+{more}</span>}
    </span>
  )
}

function Chip({ reference, kind, href, brief }: { reference: ResolvedRef; kind: Kind; href: string; brief: boolean }) {
  const colour = reference.fields['colour']
  const pinned = reference.policy === 'pinned'
  return (
    <a class={brief ? 'chip brief' : 'chip'} data-kind={kind.name} data-chip={reference.source} href={href} tabIndex={-1} title={`${kind.label}: ${reference.name} v${reference.version}${pinned ? `, pinned (newest v${reference.latest_version})` : ''}`}>
      <Icon name={iconName(kind.icon)} size={12} />
      {isColour(colour) && <span class="chip-colour" style={{ background: colour }} />}
      <span class="chip-name">{brief ? briefly(reference.name, kind.name) : reference.name.replace(/^(The|A|An) (?=\S)/, '')}</span>
      {pinned && <Icon name="pin" size={10} />}
    </a>
  )
}

export function RowView({ id, index, cell, columns, selected, current, person, nameOf, hrefOf }: RowProps) {
  const panel = cell.value
  const { shot, base, wash, previews } = panel
  const tag = previewTag(previews) ?? tagOf(base, nameOf, () => now.value)
  const text = (name: string) => (typeof shot.fields[name] === 'string' ? shot.fields[name] : '')
  const classes = ['row', selected && 'selected', current && 'current', wash > 0 && 'wash', base.status === 'omitted' && 'omitted'].filter(Boolean).join(' ')
  return (
    <div role="row" id={`row-${index}`} aria-rowindex={index + 2} aria-selected={selected} class={classes} data-row={id} data-entity={id} data-hash={base.hash}
      data-preview={previews.length > 0 ? previews.join(', ') : undefined} style={{ '--person': person?.colour ?? 'transparent' }}>
      <Wash count={wash} />
      <span role="rowheader" class="cell"><a class="mono" href={hrefOf(id)} tabIndex={-1}>{id}</a></span>
      <span role="gridcell" class="cell framing-cell dim">{text('framing')}</span>
      <span role="gridcell" class="cell words" title={text('description')}>{shot.name !== id ? `${shot.name}. ` : ''}{text('description')}</span>
      {columns.map((kind) => (
        <Chips key={kind.name} references={shot.references.filter((r) => r.kind === kind.name)} kind={kind} hrefOf={hrefOf} />
      ))}
      <span role="gridcell" class="cell"><span class="status" data-status={base.status}>{base.status}</span></span>
      <span role="gridcell" class="cell">
        {tag !== null && (
          <span class={`tag ${tag.tone}`} data-tip={tag.reason} data-why>
            {tag.icon === 'dot' ? <span class="dot" /> : <Icon name={tag.icon} size={12} />}<span class="tag-text">{tag.text}</span>
          </span>
        )}
      </span>
    </div>
  )
}
