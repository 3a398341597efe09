/** One panel: the picture, what it is, and why it looks so. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { inkOn } from '../../sketch/colour.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { whenNear, whenOnScreen } from '../../ui/nearby.ts'
import { now } from '../../ui/time.tsx'
import { Wash } from '../../ui/wash.tsx'
import { Sketch } from './sketch.tsx'
import { previewTag, tagOf } from './why.ts'

type Cell = ReadonlySignal<Panel>

export interface PanelProps {
  id: string
  cell: Cell
  aspect: number
  href: string
  selected: boolean
  person: Person | undefined
  nameOf(id: string): string
  onScreen(id: string, visible: boolean): void
}

/** A draft that comes and goes redraws the picture and shows its mark: nothing else of a panel is made or laid out again. */
export function PanelView({ id, cell, aspect, href, selected, person, nameOf, onScreen }: PanelProps) {
  const element = useRef<HTMLElement>(null)
  const [near, setNear] = useState(false)
  useEffect(() => {
    const at = element.current
    if (at === null) return
    const stops = [
      whenNear(at, (is) => is && setNear(true)),
      whenOnScreen(at, (is) => onScreen(id, is)),
    ]
    return () => {
      for (const stop of stops) stop()
      onScreen(id, false)
    }
  }, [id, onScreen])
  const hash = useComputed(() => cell.value.base.hash)
  const visual = useComputed(() => cell.value.base.visual_hash)
  const previews = useComputed(() => cell.value.previews.join(', ') || undefined)
  const omitted = useComputed(() => cell.value.base.status === 'omitted')
  const classes = ['panel', selected && 'selected', person && 'ringed', omitted.value && 'omitted'].filter(Boolean).join(' ')
  return (
    <article ref={element} class={classes} data-panel={id} data-entity={id} data-hash={hash} data-visual-hash={visual}
      data-preview={previews} style={{ '--person': person?.colour ?? 'transparent', '--on-person': inkOn(person?.colour ?? '') }}>
      {near ? <LiveSketch cell={cell} aspect={aspect} /> : <div class="sketch" style={{ aspectRatio: String(aspect) }} />}
      {near && <PreviewMark cell={cell} />}
      {person !== undefined && <span class="ring-name" data-ring={person.user}>{person.name || person.user}</span>}
      <Caption id={id} cell={cell} href={href} selected={selected} nameOf={nameOf} />
    </article>
  )
}

function LiveSketch({ cell, aspect }: { cell: Cell; aspect: number }) {
  const shot = useComputed(() => cell.value.shot)
  return <Sketch shot={shot.value} aspect={aspect} />
}

/** Always there and mostly invisible, so that showing it lays nothing out. */
function PreviewMark({ cell }: { cell: Cell }) {
  const reason = useComputed(() => previewTag(cell.value.previews)?.reason)
  return <span class="preview-mark" data-tip={reason} tabIndex={0} role="note"><Icon name="eye" size={12} />Preview</span>
}

function Caption({ id, cell, href, selected, nameOf }: Pick<PanelProps, 'id' | 'cell' | 'href' | 'selected' | 'nameOf'>) {
  const base = useComputed(() => cell.value.base)
  const wash = useComputed(() => cell.value.wash)
  const name = useComputed(() => cell.value.shot.name)
  const field = (of: string) => {
    const value = cell.value.shot.fields[of]
    return typeof value === 'string' ? value : ''
  }
  const framing = useComputed(() => field('framing'))
  const description = useComputed(() => field('description'))
  const tag = tagOf(base.value, nameOf, () => now.value)
  return (
    <div class={wash.value > 0 ? 'caption wash' : 'caption'}>
      <Wash count={wash.value} />
      <div class="caption-row">
        <a class="panel-link mono" href={href} aria-current={selected ? 'true' : undefined}>{id}</a>
        <span class="framing">{framing}</span>
        {tag !== null && (
          <span class={`tag ${tag.tone}`} data-tip={tag.reason} tabIndex={0} role="note" data-why>
            {tag.icon === 'dot' ? <span class="dot" /> : <Icon name={tag.icon} size={12} />}
            <span class="tag-text">{tag.text}</span>
          </span>
        )}
      </div>
      <p class="description">{name.value !== id && <b>{name.value}. </b>}{description.value || <span class="dim">No description yet</span>}</p>
    </div>
  )
}
