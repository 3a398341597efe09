/** What can be done with the selected shots; there only while there are any. */
import { useLayoutEffect } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'

export interface SelectionBarProps {
  count: number
  /** Selected, but not among what the filter shows. */
  unseen: number
  statuses: readonly string[]
  readonly: boolean
  busy: boolean
  onAdd(beside: Element): void
  onRemove(beside: Element): void
  onStatus(status: string): void
  onClear(): void
}

export function SelectionBar({ count, unseen, statuses, readonly, busy, onAdd, onRemove, onStatus, onClear }: SelectionBarProps) {
  useLayoutEffect(() => {
    // Before the page takes Esc to close the inspector: what was selected last goes first.
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
      if (event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable=true], .menu') !== null) return
      event.preventDefault()
      event.stopPropagation()
      onClear()
    }
    document.addEventListener('keydown', onKeyDown, { capture: true })
    return () => document.removeEventListener('keydown', onKeyDown, { capture: true })
  }, [onClear])
  return (
    <div class="selection-bar" role="toolbar" aria-label="Selected shots" data-selection={count}>
      <span role="status"><b class="mono">{count.toLocaleString('en')}</b> {count === 1 ? 'shot' : 'shots'} selected{unseen > 0 && <span class="dim">, {unseen} not shown</span>}</span>
      {!readonly && (
        <>
          <button type="button" data-testid="selection-add" {...needsServer(busy)} onClick={(e) => onAdd(e.currentTarget)}>Add… <kbd>A</kbd></button>
          <button type="button" data-testid="selection-remove" {...needsServer(busy)} onClick={(e) => onRemove(e.currentTarget)}>Remove…</button>
          <select aria-label="Set status" data-testid="selection-status" {...needsServer(busy)} value="" onChange={(e) => onStatus(e.currentTarget.value)}>
            <option value="" disabled hidden>Set status…</option>
            {statuses.map((status) => <option key={status} value={status}>{status}</option>)}
          </select>
        </>
      )}
      <button type="button" class="quiet" data-testid="selection-clear" onClick={onClear}><Icon name="x" size={14} />Clear <kbd>Esc</kbd></button>
    </div>
  )
}
