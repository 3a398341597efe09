/** The storyboard: panels under their sequences, edge to edge. */
import type { ReadonlySignal } from '@preact/signals'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Group } from '../../store/groups.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { whenNear } from '../../ui/nearby.ts'
import { PanelView } from './panel.tsx'
import { Wash } from '../../ui/wash.tsx'

export interface StoryboardProps {
  groups: readonly Group[]
  washes: ReadonlyMap<string, number>
  aspect: number
  selected: string | null
  people: readonly Person[]
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  hrefOf(id: string): string
  nameOf(id: string): string
  onScreen(ids: readonly string[]): void
}

export function clockTime(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

/** Arrow keys walk over the panels as they lie on screen. */
function onArrow(event: KeyboardEvent): void {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
  const from = event.target instanceof Element ? event.target.closest('[data-panel]') : null
  if (step === undefined || from === null || !(event.currentTarget instanceof HTMLElement)) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-panel]')]
  const at = all.indexOf(from as HTMLElement)
  const [dx = 0, dy = 0] = step
  let to = all[at + dx]
  if (dy !== 0) {
    const here = from.getBoundingClientRect()
    const rows = all.filter((p) => Math.abs(p.offsetLeft - (from as HTMLElement).offsetLeft) < here.width / 2)
    to = rows[rows.indexOf(from as HTMLElement) + dy]
  }
  if (to === undefined) return
  event.preventDefault()
  to.querySelector<HTMLElement>('.panel-link')?.focus()
}

/** Past so many shots, groups are laid out when they come near; until then they keep their room. */
const ALL = 300

/** About the height of a row of panels. */
const ROOM = 200

function Shots({ group, rest, seen, lazy }: { group: Group; rest: StoryboardProps; lazy: boolean; seen(id: string, is: boolean): void }) {
  const element = useRef<HTMLDivElement>(null)
  const [near, setNear] = useState(!lazy)
  useEffect(() => {
    const at = element.current
    return near || at === null ? undefined : whenNear(at, (is) => is && setNear(true))
  }, [near])
  if (!near) return <div ref={element} style={{ height: `${Math.ceil(group.shots.length / 3) * ROOM}px` }} />
  return (
    <div class="panels">
      {group.shots.map((id) => {
        const cell = rest.cellOf(id)
        return cell === undefined ? null : (
          <PanelView key={id} id={id} cell={cell} aspect={rest.aspect} href={rest.hrefOf(id)} selected={id === rest.selected}
            person={rest.people.find((p) => p.entity === id)} nameOf={rest.nameOf} onScreen={seen} />
        )
      })}
    </div>
  )
}

/** Brings a shot that was chosen elsewhere (the palette, a link) into view. */
function useReveal(selected: string | null, groups: readonly Group[]) {
  const known = useRef(groups)
  known.current = groups
  useEffect(() => {
    const home = selected === null ? undefined : known.current.find((g) => g.shots.includes(selected))
    if (selected === null || home === undefined) return
    const find = () => document.querySelector(`[data-panel="${CSS.escape(selected)}"]`)
    if (find() === null) document.querySelector(`[data-group="${CSS.escape(home.id)}"]`)?.scrollIntoView({ block: 'start' })
    const timer = setTimeout(() => find()?.scrollIntoView({ block: 'nearest' }), find() === null ? 150 : 0)
    return () => clearTimeout(timer)
  }, [selected])
}

export function Storyboard(props: StoryboardProps) {
  const { groups, washes, selected, onScreen } = props
  const visible = useRef(new Set<string>())
  const seen = useCallback((id: string, is: boolean) => {
    const before = visible.current.size
    if (is) visible.current.add(id)
    else visible.current.delete(id)
    if (visible.current.size !== before) onScreen([...visible.current])
  }, [onScreen])
  useReveal(selected, groups)
  const lazy = groups.reduce((sum, g) => sum + g.shots.length, 0) > ALL
  if (groups.length === 0) {
    return (
      <Notice icon="clapperboard" title="No shots yet">
        <p>Import a project or a screenplay, or create a shot. Panels appear here as soon as there is one.</p>
      </Notice>
    )
  }
  return (
    <div class="storyboard" onKeyDown={onArrow}>
      {groups.map((group) => {
        const wash = washes.get(group.id) ?? 0
        return (
          <section key={group.id} data-group={group.id} aria-labelledby={`group-${group.id}`}>
            <h2 id={`group-${group.id}`} class={wash > 0 ? 'group-head wash' : 'group-head'}>
              <Wash count={wash} />
              {group.name}
              <small>{group.shots.length} {group.shots.length === 1 ? 'shot' : 'shots'}{group.seconds > 0 && ` · ${clockTime(group.seconds)}`}</small>
            </h2>
            <Shots group={group} rest={props} seen={seen} lazy={lazy} />
          </section>
        )
      })}
    </div>
  )
}
