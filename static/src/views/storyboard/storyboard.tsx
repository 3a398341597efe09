/** The storyboard: panels under their sequences, edge to edge. */
import type { ReadonlySignal } from '@preact/signals'
import { useCallback, useRef } from 'preact/hooks'
import type { Group } from '../../store/groups.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { PanelView } from './panel.tsx'

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

export function Storyboard(props: StoryboardProps) {
  const { groups, washes, aspect, selected, people, cellOf, hrefOf, nameOf, onScreen } = props
  const visible = useRef(new Set<string>())
  const seen = useCallback((id: string, is: boolean) => {
    const before = visible.current.size
    if (is) visible.current.add(id)
    else visible.current.delete(id)
    if (visible.current.size !== before) onScreen([...visible.current])
  }, [onScreen])
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
            <h2 key={`head ${wash}`} id={`group-${group.id}`} class={wash > 0 ? 'group-head wash' : 'group-head'}>
              {group.name}
              <small>{group.shots.length} {group.shots.length === 1 ? 'shot' : 'shots'}{group.seconds > 0 && ` · ${clockTime(group.seconds)}`}</small>
            </h2>
            <div class="panels">
              {group.shots.map((id) => {
                const cell = cellOf(id)
                return cell === undefined ? null : (
                  <PanelView key={id} id={id} cell={cell} aspect={aspect} href={hrefOf(id)} selected={id === selected}
                    person={people.find((p) => p.entity === id)} nameOf={nameOf} onScreen={seen} />
                )
              })}
            </div>
          </section>
        )
      })}
    </div>
  )
}
