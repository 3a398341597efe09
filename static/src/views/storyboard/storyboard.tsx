/** The storyboard: panels under their sequences or scenes, edge to edge. */
import type { ReadonlySignal } from '@preact/signals'
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Place } from '../../store/arrangement.ts'
import { type Group, LOOSE } from '../../store/groups.ts'
import type { Panel } from '../../store/shots.ts'
import type { Person } from '../../types.ts'
import { Notice } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import type { Grouping } from '../../ui/preferences.ts'
import { away, needsServer, reaches } from '../../ui/reach.ts'
import { useDrag } from './drag.ts'
import { useFiles } from './files.ts'
import { type Grab, GrabBar, type GrabPorts, useGrabKeys } from './grab.tsx'
import { GroupView } from './group.tsx'
import { More } from './more.tsx'
import { arranged, placeInWords, placeOf, samePlace } from './places.ts'
import { Tools } from './tools.tsx'

export { clockTime } from './clock.ts'

export interface StoryboardProps {
  groups: readonly Group[]
  washes: ReadonlyMap<string, number>
  aspect: number
  selected: string | null
  people: readonly Person[]
  grouping: Grouping
  /** How wide a panel is at least, in pixels. */
  size: number
  readonly: boolean
  /** The group that is getting a new shot. */
  busy: string | null
  cellOf(id: string): ReadonlySignal<Panel> | undefined
  hrefOf(id: string): string
  nameOf(id: string): string
  onScreen(ids: readonly string[]): void
  onOpen(id: string): void
  onForget(id?: string): void
  onGrouping(grouping: Grouping): void
  onSize(size: number): void
  /** A shot behind another one, or at the end of a group. */
  onNew(group: string, behind: string | null): void
  onMove(shot: string, place: Place): void
  onPicture(shot: string, file: File): void
}

const STEPS: { [key: string]: readonly [number, number] } = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

const panelAt = (target: EventTarget | null) => (target instanceof Element ? target.closest<HTMLElement>('[data-panel]') : null)

/** Arrow keys walk over the panels as they lie on screen. */
function onArrow(event: KeyboardEvent): void {
  const step = STEPS[event.key]
  const from = panelAt(event.target)
  if (step === undefined || from === null || event.altKey || event.ctrlKey || event.metaKey || !(event.currentTarget instanceof HTMLElement)) return
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-panel]')]
  const at = all.indexOf(from)
  const [dx, dy] = step
  let to = all[at + dx]
  if (dy !== 0) {
    const here = from.getBoundingClientRect()
    const rows = all.filter((p) => Math.abs(p.offsetLeft - from.offsetLeft) < here.width / 2)
    to = rows[rows.indexOf(from) + dy]
  }
  if (to === undefined) return
  event.preventDefault()
  to.querySelector<HTMLElement>('.panel-link')?.focus()
}

/** Past so many shots, groups are laid out when they come near; until then they keep their room. */
const ALL = 300

/** What a row of panels needs: the picture, and what stands below it at that size. */
function roomFor(shots: number, width: number, size: number, aspect: number): number {
  const columns = Math.max(1, Math.floor((width + 12) / (size + 12)))
  const panel = (width - (columns - 1) * 12) / columns
  return Math.ceil((shots + 1) / columns) * (panel / aspect + (size < 180 ? 30 : size < 240 ? 34 : size < 400 ? 68 : 150) + 12)
}

const tierOf = (size: number) => (size < 180 ? 'tiny' : size < 240 ? 'small' : size < 400 ? 'medium' : 'large')

/** Brings a shot that was chosen elsewhere (the palette, a link) into view, as soon as it is there. */
function useReveal(selected: string | null, groups: readonly Group[]) {
  const home = selected === null ? undefined : groups.find((g) => g.shots.includes(selected))?.id
  const at = useRef(home)
  at.current = home
  const there = home !== undefined
  useEffect(() => {
    if (selected === null || !there) return undefined
    const find = () => document.querySelector(`[data-panel="${CSS.escape(selected)}"]`)
    if (find() === null) document.querySelector(`[data-group="${CSS.escape(at.current ?? '')}"]`)?.scrollIntoView({ block: 'start' })
    const timer = setTimeout(() => find()?.scrollIntoView({ block: 'nearest' }), find() === null ? 150 : 0)
    return () => clearTimeout(timer)
  }, [selected, there])
}

const focusPanel = (shot: string) => document.querySelector<HTMLElement>(`[data-panel="${CSS.escape(shot)}"] .panel-link`)?.focus({ preventScroll: true })

const NOBODY: readonly Person[] = []

const typing = (target: EventTarget | null) => target instanceof Element && target.closest('input, select, textarea, [contenteditable=true], dialog, [role=dialog]') !== null

export function Storyboard(props: StoryboardProps) {
  const { groups, washes, selected, people, size, aspect, grouping, readonly, onScreen, onForget, onMove } = props
  const root = useRef<HTMLDivElement>(null)
  const visible = useRef(new Set<string>())
  const [grab, setGrab] = useState<Grab | null>(null)
  const held = useRef(grab)
  /** The panel that had the focus when it was last moved. */
  const moved = useRef<string | null>(null)
  const fresh = useRef(false)
  const hold = (to: Grab | null) => {
    held.current = to
    moved.current = to?.shot ?? moved.current
    setGrab(to)
  }
  const [more, setMore] = useState<{ id: string; at: DOMRect } | null>(null)
  const [said, setSaid] = useState('')
  const [width, setWidth] = useState(1200)
  const seen = useCallback((id: string, is: boolean) => {
    const before = visible.current.size
    if (is) visible.current.add(id)
    else visible.current.delete(id)
    if (visible.current.size !== before) onScreen([...visible.current])
  }, [onScreen])
  const shown = useMemo(() => (grab === null ? groups : arranged(groups, grab.shot, grab.place)), [groups, grab])
  useReveal(selected, groups)
  useEffect(() => {
    onForget()
    // Whoever makes a shot goes on with it.
    if (fresh.current && selected !== null) focusPanel(selected)
    fresh.current = false
  }, [selected, onForget])
  useLayoutEffect(() => {
    const at = root.current
    if (at === null) return undefined
    const measure = new ResizeObserver(() => setWidth(at.clientWidth - 32))
    measure.observe(at)
    return () => measure.disconnect()
  }, [])

  const latest = useRef(props)
  latest.current = props
  const makeNew = useCallback((group: string, behind: string | null) => {
    fresh.current = true
    latest.current.onNew(group, behind)
  }, [])
  const newIn = useCallback((group: string) => makeNew(group, null), [makeNew])
  const newAfter = useCallback((shot: string) => {
    const home = latest.current.groups.find((g) => g.shots.includes(shot))
    if (home !== undefined) makeNew(home.id, shot)
  }, [makeNew])
  const closeMore = useCallback(() => setMore(null), [])
  const move = (shot: string, place: Place) => {
    if (samePlace(place, placeOf(groups, shot))) return
    onMove(shot, place)
    setSaid(`${shot} is now ${placeInWords(arranged(groups, shot, place), shot)}`)
  }
  const take = (shot: string) => {
    const place = placeOf(groups, shot)
    if (place === null || readonly || !reaches()) return
    hold({ shot, place })
    setSaid(`${shot} grabbed, ${placeInWords(groups, shot)}. Arrow keys move it, Space places it, Escape cancels.`)
  }
  const ports: GrabPorts = {
    onPlace: (place) => {
      if (held.current === null) return
      const { shot } = held.current
      hold({ shot, place })
      setSaid(placeInWords(arranged(groups, shot, place), shot))
    },
    onDrop: () => {
      if (held.current === null) return
      const { shot, place } = held.current
      hold(null)
      moved.current = shot
      if (samePlace(place, placeOf(groups, shot))) setSaid(`${shot} stays where it was.`)
      else move(shot, place)
      focusPanel(shot)
    },
    onCancel: () => {
      if (held.current === null) return
      const { shot } = held.current
      hold(null)
      moved.current = shot
      setSaid(`${shot} stays where it was.`)
      focusPanel(shot)
    },
  }
  useGrabKeys(held, groups, ports)
  useDrag(root, readonly || away.value !== null ? null : { onDrop: move })
  useFiles(root, readonly ? null : props.onPicture)
  // Where a panel is put elsewhere in the page it loses the focus: it is given back, and kept in view.
  useLayoutEffect(() => {
    const lost = document.activeElement === null || document.activeElement === document.body
    if (moved.current !== null && lost) focusPanel(moved.current)
    if (grab !== null) document.querySelector(`[data-panel="${CSS.escape(grab.shot)}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [grab, shown])
  useLayoutEffect(() => {
    const forget = () => {
      moved.current = null
    }
    document.addEventListener('pointerdown', forget)
    return () => document.removeEventListener('pointerdown', forget)
  }, [])
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'n' || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || typing(event.target) || latest.current.readonly) return
      const shot = panelAt(document.activeElement)?.dataset['panel'] ?? latest.current.selected
      if (shot === null || latest.current.busy !== null) return
      event.preventDefault()
      if (reaches()) newAfter(shot)
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [newAfter])

  const onKeyDown = (event: KeyboardEvent) => {
    const link = event.target instanceof Element ? event.target.closest('.panel-link') : null
    if (event.key === ' ' && link !== null && !event.shiftKey) {
      event.preventDefault()
      const shot = panelAt(event.target)?.dataset['panel']
      if (shot !== undefined) take(shot)
    } else onArrow(event)
  }
  const onClick = (event: MouseEvent) => {
    if (!(event.target instanceof Element) || event.defaultPrevented) return
    const button = event.target.closest<HTMLElement>('[data-more]')
    const id = button?.dataset['more']
    if (button !== null && id !== undefined) {
      setMore(more?.id === id ? null : { id, at: button.getBoundingClientRect() })
      return
    }
    // The whole picture opens its shot; what is a control of its own does not.
    const shot = event.target.closest('.panel-look') !== null && event.target.closest('button, [role=note]') === null ? panelAt(event.target)?.dataset['panel'] : undefined
    if (shot !== undefined) props.onOpen(shot)
  }

  const total = groups.reduce((sum, g) => sum + g.shots.length, 0)
  const moreShot = more === null ? undefined : props.cellOf(more.id)?.value.base
  return (
    <div ref={root} class="storyboard" data-size={tierOf(size)} style={{ '--panel': `${size}px` }} onKeyDown={onKeyDown} onClick={onClick}>
      <div class="board-tools" role="group" aria-label="Storyboard">
        {grab === null
          ? <Tools grouping={grouping} size={size} shots={total} seconds={groups.reduce((sum, g) => sum + g.seconds, 0)} onGrouping={props.onGrouping} onSize={props.onSize} />
          : <GrabBar grab={grab} groups={shown} ports={ports} />}
      </div>
      <p class="heard" aria-live="assertive">{said}</p>
      {total === 0 && groups.length === 0 && (
        <Notice icon="clapperboard" title="No shots yet">
          <p>Import a project or a screenplay, or create a shot. Panels appear here as soon as there is one.</p>
          {!readonly && <p><button type="button" class="primary" data-new-shot="" {...needsServer(props.busy !== null)} onClick={() => makeNew(LOOSE, null)}><Icon name="circle-plus" size={14} />New shot</button></p>}
        </Notice>
      )}
      {shown.map((group) => {
        const holds = (id: string | null) => (id !== null && group.shots.includes(id) ? id : null)
        const here = people.filter((p) => holds(p.entity) !== null)
        return (
          <GroupView key={group.id} group={group} wash={washes.get(group.id) ?? 0} aspect={aspect} selected={holds(selected)} grabbed={holds(grab?.shot ?? null)}
            people={here.length === 0 ? NOBODY : here} large={size >= 400} lazy={total > ALL} room={total > ALL ? roomFor(group.shots.length, width, size, aspect) : 0}
            readonly={readonly} busy={props.busy === group.id} cellOf={props.cellOf} hrefOf={props.hrefOf} nameOf={props.nameOf} onScreen={seen} onForget={onForget} onNew={newIn} />
        )
      })}
      {more !== null && moreShot !== undefined && (
        <More key={more.id} shot={moreShot} groups={groups} at={more.at} readonly={readonly} onClose={closeMore} onGrab={() => {
          take(more.id)
          focusPanel(more.id)
        }} onMoveTo={(group) => move(more.id, { group, before: null })} onNew={() => newAfter(more.id)} onPicture={(file) => props.onPicture(more.id, file)} />
      )}
    </div>
  )
}
