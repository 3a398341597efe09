/** One panel: the picture, what it is, and why it looks so. */
import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { inkOn } from '../../sketch/colour.ts'
import { picture } from '../../sketch/index.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person, Resolved } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { whenNear, whenOnScreen } from '../../ui/nearby.ts'
import { now } from '../../ui/time.tsx'
import { Wash } from '../../ui/wash.tsx'
import { tagOf } from './why.ts'

export function Sketch({ shot, aspect, place = '' }: { shot: Resolved; aspect: number; place?: string }) {
  const { width, label, back, cast, finish } = useMemo(() => picture(shot, { aspect, place }), [shot, aspect, place])
  return (
    <div class="sketch" role="img" aria-label={label} style={{ aspectRatio: String(aspect) }}>
      <Layer width={width} svg={back} />
      <Layer width={width} svg={cast} cast />
      <Layer width={width} svg={finish} />
    </div>
  )
}

/**
 * One layer of a picture, a drawing of its own: what changes in one is laid out without the others. Set by hand and only when it differs: `dangerouslySetInnerHTML` would read the old
 * drawing back out of the document to compare, which costs more than drawing the new one.
 */
function Layer({ width, svg, cast = false }: { width: number; svg: string; cast?: boolean }) {
  const element = useRef<SVGSVGElement>(null)
  useLayoutEffect(() => {
    if (element.current !== null) element.current.innerHTML = svg
  }, [svg])
  return (
    <svg ref={element} viewBox={`0 0 ${width} 100`} preserveAspectRatio="xMidYMid slice" aria-hidden="true"
      data-cast={cast ? '' : undefined} />
  )
}

export interface PanelProps {
  id: string
  cell: ReadonlySignal<Panel>
  aspect: number
  href: string
  selected: boolean
  person: Person | undefined
  nameOf(id: string): string
  onScreen(id: string, visible: boolean): void
}

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
  const panel = cell.value
  const { shot, base, previews, wash } = panel
  const tag = tagOf(panel, nameOf, () => now.value)
  const framing = typeof shot.fields['framing'] === 'string' ? shot.fields['framing'] : ''
  const description = typeof shot.fields['description'] === 'string' ? shot.fields['description'] : ''
  const classes = ['panel', selected && 'selected', person && 'ringed', base.status === 'omitted' && 'omitted'].filter(Boolean).join(' ')
  return (
    <article ref={element} class={classes} data-panel={id} data-entity={id} data-hash={base.hash} data-visual-hash={base.visual_hash}
      data-preview={previews.length > 0 ? previews.join(', ') : undefined} style={{ '--person': person?.colour ?? 'transparent', '--on-person': inkOn(person?.colour ?? '') }}>
      {near ? <Sketch shot={shot} aspect={aspect} /> : <div class="sketch" style={{ aspectRatio: String(aspect) }} />}
      {person !== undefined && <span class="ring-name" data-ring={person.user}>{person.name || person.user}</span>}
      <div class={wash > 0 ? 'caption wash' : 'caption'}>
        <Wash count={wash} />
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
        <p class="description">{shot.name !== id && <b>{shot.name}. </b>}{description || <span class="dim">No description yet</span>}</p>
      </div>
    </article>
  )
}
