/** A sequence or a scene: its heading, its panels, and a place for the next one. */
import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { type Group, LOOSE } from '../../store/groups.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { namesOf } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { whenNear } from '../../ui/nearby.ts'
import { Wash } from '../../ui/wash.tsx'
import { needsServer } from '../../ui/reach.ts'
import { clockTime } from './clock.ts'
import { PanelView } from './panel.tsx'

export interface GroupProps {
  group: Group
  wash: number
  aspect: number
  /** The shot of this group that is selected or grabbed, if one is. */
  selected: string | null
  grabbed: string | null
  people: readonly Person[]
  large: boolean
  lazy: boolean
  /** About the height of its panels, until they are laid out. */
  room: number
  readonly: boolean
  busy: boolean
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  hrefOf(id: string): string
  nameOf(id: string): string
  onScreen(id: string, visible: boolean): void
  onForget(id: string): void
  onNew(group: string): void
}

function Panels(props: GroupProps) {
  const { group, aspect, selected, grabbed, people, large, lazy, room, cellOf, hrefOf, nameOf, onScreen, onForget } = props
  const element = useRef<HTMLDivElement>(null)
  const [near, setNear] = useState(false)
  const shown = near || !lazy || selected !== null || grabbed !== null
  useEffect(() => {
    if (shown && lazy) setNear(true)
    const at = element.current
    return shown || at === null ? undefined : whenNear(at, (is) => is && setNear(true))
  }, [shown, lazy])
  if (!shown) return <div ref={element} style={{ height: `${room}px` }} />
  return (
    <div class="panels">
      {group.shots.map((id) => {
        const cell = cellOf(id)
        const having = people.filter((p) => p.entity === id)
        return cell === undefined ? null : (
          <PanelView key={id} id={id} cell={cell} aspect={aspect} href={hrefOf(id)} selected={id === selected} grabbed={id === grabbed} large={large}
            person={having[0]} having={namesOf(having).join(', ')} nameOf={nameOf} onScreen={onScreen} onForget={onForget} />
        )
      })}
      {!props.readonly && group.id !== LOOSE && <NewShot {...props} />}
    </div>
  )
}

function NewShot({ group, busy, onNew }: GroupProps) {
  return (
    <button type="button" class="new-shot" data-new-shot={group.id} {...needsServer(busy)}
      aria-label={`New shot in ${group.name}`} onClick={() => onNew(group.id)}>
      <Icon name="circle-plus" size={16} /><span>New shot</span>
    </button>
  )
}

function GroupOf(props: GroupProps) {
  const { group, wash } = props
  const heading = useId()
  const count = group.shots.length
  const facts = [group.note, count === 0 ? 'no shots yet' : `${count} ${count === 1 ? 'shot' : 'shots'}`, group.seconds > 0 ? clockTime(group.seconds) : ''].filter(Boolean).join(' · ')
  return (
    <section data-group={group.id} aria-labelledby={heading}>
      <h2 id={heading} class={wash > 0 ? 'group-head wash' : 'group-head'}>
        <Wash count={wash} />
        {group.number !== undefined && <span class="scene-number mono"><bdi>{group.number}</bdi></span>}
        <span class="group-name" dir="auto">{group.name}</span>
        <small>{facts}</small>
      </h2>
      <Panels {...props} />
    </section>
  )
}

/** What happens in another group does not draw this one again. */
export const GroupView = memo(GroupOf)
