/** Moving a panel without dragging it: by keys, or by clicks on a few buttons. */
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Place } from '../../store/arrangement.ts'
import type { Group } from '../../store/groups.ts'
import { Icon } from '../../ui/icon.tsx'
import { arranged, placeInWords, stepped } from './places.ts'

export interface Grab {
  shot: string
  place: Place
}

export interface GrabPorts {
  onPlace(place: Place): void
  onDrop(): void
  onCancel(): void
}

export function columnsAround(shot: string): number {
  const panels = document.querySelector(`[data-panel="${CSS.escape(shot)}"]`)?.parentElement
  return panels === null || panels === undefined ? 1 : getComputedStyle(panels).gridTemplateColumns.split(' ').length
}

/** While a panel is grabbed, the keys are its: from the very next key on, drawn or not. */
export function useGrabKeys(held: RefObject<Grab | null>, groups: readonly Group[], ports: GrabPorts): void {
  const latest = useRef({ groups, ports })
  latest.current = { groups, ports }
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const grab = held.current
      if (grab === null || event.metaKey || event.ctrlKey || event.altKey) return
      const press = event.key === ' ' || event.key === 'Enter'
      if (press && event.target instanceof Element && event.target.closest('button, input, select') !== null) return
      const place = stepped(arranged(latest.current.groups, grab.shot, grab.place), grab.shot, event.key, columnsAround(grab.shot))
      if (place !== null) latest.current.ports.onPlace(place)
      else if (press) latest.current.ports.onDrop()
      else if (event.key === 'Escape') latest.current.ports.onCancel()
      else if (!event.key.startsWith('Arrow')) return
      event.preventDefault()
      event.stopPropagation()
    }
    document.addEventListener('keydown', onKeyDown, true)
    return () => document.removeEventListener('keydown', onKeyDown, true)
  }, [held])
}

/** What is grabbed, where it stands, and the same moves for whoever points instead. */
export function GrabBar({ grab, groups, ports }: { grab: Grab; groups: readonly Group[]; ports: GrabPorts }) {
  const go = (key: string) => {
    const place = stepped(groups, grab.shot, key, columnsAround(grab.shot))
    if (place !== null) ports.onPlace(place)
  }
  return (
    <div class="grab-bar" role="group" aria-label={`Moving ${grab.shot}`} data-grab={grab.shot}>
      <Icon name="move" size={14} />
      <span class="grab-words"><b class="mono"><bdi>{grab.shot}</bdi></b> <bdi>{placeInWords(groups, grab.shot)}</bdi></span>
      <button type="button" data-testid="grab-earlier" onClick={() => go('ArrowLeft')}><Icon name="move-left" size={14} />Earlier</button>
      <button type="button" data-testid="grab-later" onClick={() => go('ArrowRight')}>Later<Icon name="move-right" size={14} /></button>
      <button type="button" class="primary" data-testid="grab-drop" onClick={ports.onDrop}>Place here</button>
      <button type="button" class="quiet" data-testid="grab-cancel" onClick={ports.onCancel}>Cancel</button>
      <small>Arrow keys move it, Space places it, Esc cancels</small>
    </div>
  )
}
