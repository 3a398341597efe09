/** One panel: the picture, what it is, and why it looks so. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { inkOn } from '../../sketch/colour.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { whenNear, whenOnScreen } from '../../ui/nearby.ts'
import { now } from '../../ui/time.tsx'
import { Wash } from '../../ui/wash.tsx'
import { Look } from './look.tsx'
import { PanelPrompt } from './prompt.tsx'
import { previewTag, tagOf } from './why.ts'

type Cell = ReadonlySignal<Panel>

export interface PanelProps {
  id: string
  cell: Cell
  aspect: number
  href: string
  selected: boolean
  grabbed: boolean
  /** Wide enough for the prompt. */
  large: boolean
  person: Person | undefined
  /** The names of all who have it open. */
  having: string
  nameOf(id: string): string
  onScreen(id: string, visible: boolean): void
  onForget(id: string): void
}

/** A draft that comes and goes redraws the picture and shows its mark: nothing else of a panel is made or laid out again. */
function PanelOf({ id, cell, aspect, href, selected, grabbed, large, person, having, nameOf, onScreen, onForget }: PanelProps) {
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
  const classes = ['panel', selected && 'selected', grabbed && 'grabbed', person && 'ringed', omitted.value && 'omitted'].filter(Boolean).join(' ')
  return (
    <article ref={element} class={classes} data-panel={id} data-entity={id} data-hash={hash} data-visual-hash={visual}
      data-preview={previews} style={{ '--person': person?.colour ?? 'transparent', '--on-person': inkOn(person?.colour ?? '') }}>
      {near ? <Look id={id} cell={cell} aspect={aspect} onForget={onForget} /> : <div class="panel-look"><div class="sketch" style={{ aspectRatio: String(aspect) }} /></div>}
      {near && <PreviewMark cell={cell} />}
      {person !== undefined && <span class="ring-name" data-ring={person.user}>{having}</span>}
      <Caption id={id} cell={cell} href={href} selected={selected} nameOf={nameOf} />
      {large && near && <Prompt id={id} cell={cell} />}
    </article>
  )
}

/** Another panel that is selected, grabbed or moved is none of its business. */
export const PanelView = memo(PanelOf)

function Prompt({ id, cell }: { id: string; cell: Cell }) {
  const prompt = useComputed(() => cell.value.base.prompt)
  return <PanelPrompt id={id} prompt={prompt.value} />
}

/** Always there and mostly invisible, so that showing it lays nothing out. */
function PreviewMark({ cell }: { cell: Cell }) {
  const reason = useComputed(() => previewTag(cell.value.previews)?.reason)
  return <span class="preview-mark" data-tip={reason} tabIndex={0} role="note"><Icon name="eye" size={12} /><span class="over-words">Preview</span></span>
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
        <a class="panel-link mono" href={href} draggable={false} aria-current={selected ? 'true' : undefined}><bdi>{id}</bdi></a>
        <span class="framing"><bdi>{framing}</bdi></span>
        {tag !== null && (
          <span class={`tag ${tag.tone}`} data-tip={tag.reason} tabIndex={0} role="note" data-why>
            {tag.icon === 'dot' ? <span class="dot" /> : <Icon name={tag.icon} size={12} />}
            <span class="tag-text">{tag.text}</span>
          </span>
        )}
      </div>
      <p class="description" dir="auto">{name.value !== id && <b><bdi>{name.value}</bdi>. </b>}{description.value || <span class="dim">No description yet</span>}</p>
    </div>
  )
}
