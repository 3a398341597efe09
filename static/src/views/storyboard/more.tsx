/** What else there is to a panel: its prompt, and what can be done with it. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Group, LOOSE } from '../../store/groups.ts'
import type { Resolved } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { CopyPrompt } from './prompt.tsx'

export interface MoreProps {
  shot: Resolved
  groups: readonly Group[]
  /** Where the button stands that opened it. */
  at: DOMRect
  readonly: boolean
  onGrab(): void
  onMoveTo(group: string): void
  onNew(): void
  onPicture(file: File): void
  onClose(): void
}

/** Is closed by Esc, by a press elsewhere and by scrolling away. */
function useDismissal(element: { current: HTMLElement | null }, onClose: () => void) {
  useLayoutEffect(() => {
    const inside = (event: Event) => event.target instanceof Node && element.current?.contains(event.target) === true
    const elsewhere = (event: Event) => {
      if (!inside(event) && !(event.target instanceof Element && event.target.closest('[data-more]') !== null)) onClose()
    }
    const scrolled = (event: Event) => {
      if (!inside(event)) onClose()
    }
    document.addEventListener('pointerdown', elsewhere, true)
    document.addEventListener('scroll', scrolled, { capture: true, passive: true })
    return () => {
      document.removeEventListener('pointerdown', elsewhere, true)
      document.removeEventListener('scroll', scrolled, true)
    }
  }, [element, onClose])
}

export function More({ shot, groups, at, readonly, onGrab, onMoveTo, onNew, onPicture, onClose }: MoreProps) {
  const element = useRef<HTMLDivElement>(null)
  const file = useRef<HTMLInputElement>(null)
  const [corner, setCorner] = useState({ left: at.left, top: at.bottom + 4 })
  useLayoutEffect(() => {
    const box = element.current?.getBoundingClientRect()
    if (box === undefined) return
    const below = at.bottom + 4
    setCorner({ left: Math.max(8, Math.min(at.right - box.width, innerWidth - box.width - 8)), top: below + box.height < innerHeight - 8 ? below : Math.max(8, at.top - box.height - 4) })
    element.current?.querySelector<HTMLElement>('button, select')?.focus({ preventScroll: true })
  }, [at])
  useDismissal(element, onClose)
  const home = groups.find((g) => g.shots.includes(shot.id))
  const does = (what: () => void) => () => {
    onClose()
    what()
  }
  return (
    <div ref={element} class="panel-more" role="dialog" aria-label={`More about ${shot.id}`} data-more-of={shot.id} style={{ left: `${corner.left}px`, top: `${corner.top}px` }}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key !== 'Escape') return
        event.preventDefault()
        onClose()
        document.querySelector<HTMLElement>(`[data-more="${CSS.escape(shot.id)}"]`)?.focus()
      }}>
      <header><b class="mono"><bdi>{shot.id}</bdi></b>{shot.prompt !== '' && <CopyPrompt id={shot.id} prompt={shot.prompt} />}</header>
      <p class="more-prompt" dir="auto" tabIndex={0} role="note" aria-label="Prompt" data-prompt>{shot.prompt || 'No prompt yet: it is made of the description and of what the shot uses.'}</p>
      {!readonly && (
        <>
          <button type="button" data-testid="grab" {...needsServer()} onClick={does(onGrab)}><Icon name="move" size={14} />Move…<kbd>Space</kbd></button>
          <label class="more-line"><Icon name="arrow-right" size={14} /><span>Move to the end of</span>
            <select data-testid="move-to" {...needsServer()} value="" onChange={(event) => {
              const group = event.currentTarget.value
              onClose()
              onMoveTo(group)
            }}>
              <option value="" disabled>Choose…</option>
              {groups.filter((g) => g.id !== LOOSE && g !== home).map((g) => <option key={g.id} value={g.id}>{g.number === undefined ? g.name : `${g.number} ${g.name}`}</option>)}
            </select>
          </label>
          <button type="button" data-testid="new-after" {...needsServer()} onClick={does(onNew)}><Icon name="circle-plus" size={14} />New shot after this<kbd>N</kbd></button>
          <button type="button" data-testid="add-picture" {...needsServer()} onClick={() => file.current?.click()}><Icon name="image-up" size={14} />{shot.picture ? 'Another picture…' : 'Add a picture…'}<kbd>paste</kbd></button>
          <input ref={file} type="file" accept="image/*" hidden onChange={(event) => {
            const chosen = event.currentTarget.files?.[0]
            onClose()
            if (chosen !== undefined) onPicture(chosen)
          }} />
        </>
      )}
    </div>
  )
}
