/** What waits for approval, by the change that it waits for; decided with the mouse or the keyboard alone. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { Approval, ApprovalGroup, Decision, Kind } from '../../types.ts'
import { count, Notice, number, Skeleton } from '../../ui/bits.tsx'
import { Icon } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { Time } from '../../ui/time.tsx'
import { Row, type RowActions } from './row.tsx'

export interface ApprovalsProps {
  items: readonly Approval[] | null
  groups: readonly ApprovalGroup[]
  open: number
  more: boolean
  aspect: number
  mayDecide: boolean
  busy: ReadonlySet<string>
  at: string | null
  selected: ReadonlySet<string>
  comment: string
  kindOf(name: string): Kind | undefined
  whole(item: Approval): Promise<Approval>
  actions: RowActions & {
    walk(by: number): void
    decideGroup(group: ApprovalGroup, decision: Decision): void
    decideHere(decision: Decision): void
    clear(): void
    comment(words: string): void
    more(): void
  }
}

const KEYS: { [key: string]: (actions: ApprovalsProps['actions'], at: Approval | undefined) => void } = {
  j: (actions) => actions.walk(1),
  ArrowDown: (actions) => actions.walk(1),
  k: (actions) => actions.walk(-1),
  ArrowUp: (actions) => actions.walk(-1),
  a: (actions) => actions.decideHere('approve'),
  r: (actions) => actions.decideHere('reject'),
  ' ': (actions, at) => at !== undefined && actions.select(at.id),
  Enter: (actions, at) => at !== undefined && actions.open(at),
}

const typing = (target: EventTarget | null) => target instanceof Element && target.closest('input:not([type=checkbox]), textarea, select') !== null

/** The name of a change: what it starts from, and how far along that is. */
function title(group: ApprovalGroup, first: Approval): string {
  const names = group.sources.slice(0, 2).map((source) => `${source.name} ${/v\d+$/.exec(source.version)?.[0] ?? ''}`)
  const rest = group.sources.length - names.length
  return names.length === 0 ? `${first.source_name} v${first.after.version}` : names.join(', ') + (rest > 0 ? ` and ${number(rest)} more` : '')
}

function Group({ group, items, props }: { group: ApprovalGroup; items: readonly Approval[]; props: ApprovalsProps }) {
  const { actions, mayDecide, busy } = props
  const [first] = items
  if (first === undefined) return null
  const id = `approvals-${group.run_id}`
  const all = group.open === 1 ? '' : ` ${number(group.open)}`
  const held = needsServer(items.some((item) => busy.has(item.id)))
  return (
    <section class="approval-group" aria-labelledby={id} data-approval-group={group.run_id}>
      <header>
        <h2 id={id} dir="auto">{title(group, first)}</h2>
        <span class="dim">{count(group.open, 'waits', 'wait')}{group.author !== '' && <>, <bdi>{group.author}</bdi></>}{group.created_at !== null && <>, <Time iso={group.created_at} /></>}</span>
        {group.message !== '' && <q class="dim" dir="auto">{group.message}</q>}
        {mayDecide && group.open > 1 && (
          <span class="actions">
            <button type="button" data-testid="approve-group" {...held} onClick={() => actions.decideGroup(group, 'approve')}><Icon name="check" size={14} />Approve{all}</button>
            <button type="button" data-testid="reject-group" {...held} onClick={() => actions.decideGroup(group, 'reject')}><Icon name="x" size={14} />Reject{all}</button>
          </span>
        )}
      </header>
      <ul>
        {items.map((item) => (
          <Row key={item.id} item={item} aspect={props.aspect} at={props.at === item.id} selected={props.selected.has(item.id)} busy={busy.has(item.id)} mayDecide={mayDecide} kindOf={props.kindOf} whole={props.whole} actions={actions} />
        ))}
      </ul>
    </section>
  )
}

function Foot({ selected, comment, actions }: Pick<ApprovalsProps, 'selected' | 'comment' | 'actions'>) {
  const many = selected.size > 0
  return (
    <footer class="approvals-foot" data-selection={selected.size}>
      <label><span class="dim">Comment</span><input type="text" data-testid="approval-comment" value={comment} maxLength={2000} placeholder="Goes with what you decide next (C)" onInput={(event) => actions.comment(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' && event.key !== 'Escape') return
          event.preventDefault()
          event.currentTarget.closest('.approvals')?.querySelector<HTMLElement>('.approval[tabindex="0"]')?.focus()
        }} /></label>
      {many && <span>{count(selected.size, 'selected', 'selected')}</span>}
      {many && <button type="button" class="primary" data-testid="approve-selected" {...needsServer()} onClick={() => actions.decideHere('approve')}><Icon name="check" size={14} />Approve {number(selected.size)}</button>}
      {many && <button type="button" data-testid="reject-selected" {...needsServer()} onClick={() => actions.decideHere('reject')}><Icon name="x" size={14} />Reject {number(selected.size)}</button>}
      {many && <button type="button" class="quiet" onClick={actions.clear}>Select none</button>}
      <span class="keys-hint dim"><kbd>J</kbd> <kbd>K</kbd> walk <kbd>A</kbd> approve <kbd>R</kbd> reject <kbd>Space</kbd> select</span>
    </footer>
  )
}

/** The focus is on the list as soon as there is one, and stays in it when what had it is decided. */
function useFocus(at: string | null) {
  const element = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const here = document.activeElement
    if (here !== null && here !== document.body && here !== element.current && !element.current?.contains(here) && here.closest('.rail, .view') === null) return
    if (typing(here)) return
    const row = element.current?.querySelector<HTMLElement>('.approval[tabindex="0"]')
    ;(row ?? element.current)?.focus()
  }, [at])
  return element
}

export function ApprovalsView(props: ApprovalsProps) {
  const { items, groups, open, more, mayDecide, at, actions } = props
  const element = useFocus(at)
  if (items === null) return <div class="pad"><Skeleton words="Loading what waits…" rows={8} /></div>
  const onKeyDown = (event: KeyboardEvent) => {
    if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return
    const press = KEYS[event.key]
    const onButton = event.target instanceof Element && event.target.closest('button, a') !== null
    if (event.key === 'c' && mayDecide) element.current?.querySelector<HTMLElement>('[data-testid=approval-comment]')?.focus()
    else if (press === undefined || (onButton && (event.key === 'Enter' || event.key === ' '))) return
    else press(actions, items.find((item) => item.id === at))
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <div ref={element} class="approvals" tabIndex={-1} data-open={open} onKeyDown={onKeyDown}>
      <p class="only-read" role="status">{open === 0 ? 'Nothing waits for approval.' : `${count(open, 'change waits', 'changes wait')} for approval.`}</p>
      {items.length === 0 && <Notice icon="approved" title="Nothing waits for approval"><p>When something reaches a final shot, it stays as it is and asks here first.</p></Notice>}
      {!mayDecide && items.length > 0 && <p class="approvals-note dim"><Icon name="lock" size={14} />An approver or an owner decides this. You can look.</p>}
      {groups.map((group) => <Group key={group.run_id} group={group} items={items.filter((item) => item.run_id === group.run_id)} props={props} />)}
      {more && <p class="actions pad"><button type="button" data-testid="more-approvals" {...needsServer()} onClick={actions.more}>Show more of {number(open)}</button></p>}
      {mayDecide && items.length > 0 && <Foot selected={props.selected} comment={props.comment} actions={actions} />}
    </div>
  )
}
