/** The bell: what happened to what one follows, what waits for one, and what one does not want to hear. */
import type { ComponentChildren } from 'preact'
import type { Mute, Muted, Notification } from '../../api/notifications.ts'
import { parts } from '../../store/inbox.ts'
import { number } from '../../ui/bits.tsx'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Menu } from '../../ui/menu.tsx'
import { Time } from '../../ui/time.tsx'

/** What kinds are called, and drawn as. */
const KINDS: { [kind: string]: [IconName, string] } = {
  digest: ['clapperboard', 'What runs did'],
  approval: ['lock', 'What waits for approval'],
  conflict: ['arrow-right-left', 'Conflicts'],
  failure: ['circle-alert', 'Failures'],
  removed: ['trash', 'What was deleted'],
  restored: ['again', 'What was restored'],
}

export interface InboxProps {
  items: readonly Notification[]
  unread: number
  muted: Muted
  said: string
  /** What stands under the heading: about what is open. */
  more: ComponentChildren
  nameOf(id: string): string
  onOpen(item: Notification): void
  /** `null`: all of them. */
  onRead(ids: readonly string[] | null): void
  onMute(what: Mute): void
  onUnmute(what: Mute): void
}

function Row({ item, muted, nameOf, onOpen, onRead, onMute, onUnmute }: { item: Notification } & Omit<InboxProps, 'items' | 'unread' | 'said' | 'more'>) {
  const [about, said] = parts(item.text)
  const fresh = item.read_at === null
  // What is gone cannot be muted any more.
  const id = item.kind === 'removed' ? null : item.entity_id
  const quiet = id !== null && muted.entities.includes(id)
  const words = id === null ? '' : quiet ? `Hear of ${nameOf(id)} again` : `Mute ${nameOf(id)}`
  return (
    <li class={fresh ? 'inbox-row fresh' : 'inbox-row'} data-notification={item.id} data-kind-of={item.kind} data-unread={fresh ? '' : undefined}>
      <button type="button" class="inbox-open" data-close onClick={() => onOpen(item)}>
        <Icon name={KINDS[item.kind]?.[0] ?? 'bell'} size={14} />
        <span class="inbox-words">{fresh && <span class="only-read">Unread: </span>}{about !== '' && <b dir="auto">{about}</b>}<span dir="auto">{said}</span></span>
        <span class="dim inbox-time"><Time iso={item.created_at} /></span>
      </button>
      <span class="inbox-tools">
        {fresh && <button type="button" aria-label={`Mark as read: ${item.text}`} data-tip="Mark as read" data-testid="mark-read" onClick={() => onRead([item.id])}><Icon name="check" size={14} /></button>}
        {id !== null && <button type="button" aria-label={words} aria-pressed={quiet} data-tip={words} data-testid="mute" onClick={() => (quiet ? onUnmute({ entity: id }) : onMute({ entity: id }))}><Icon name="bell-off" size={14} /></button>}
      </span>
    </li>
  )
}

function Quiet({ muted, nameOf, onMute, onUnmute }: Pick<InboxProps, 'muted' | 'nameOf' | 'onMute' | 'onUnmute'>) {
  const kinds = Object.entries(KINDS)
  const others = muted.kinds.filter((kind) => KINDS[kind] === undefined)
  return (
    <details class="inbox-quiet">
      <summary>Muted {muted.entities.length + muted.kinds.length > 0 && <span class="dim">{number(muted.entities.length + muted.kinds.length)}</span>}</summary>
      <p class="dim">What is pressed is not told.</p>
      <div class="inbox-mutes">
        {muted.entities.map((id) => <button type="button" key={id} aria-pressed="true" data-muted-entity={id} onClick={() => onUnmute({ entity: id })}><Icon name="bell-off" size={14} /><bdi>{nameOf(id)}</bdi></button>)}
        {[...kinds.map(([kind, [, words]]) => [kind, words] as const), ...others.map((kind) => [kind, kind] as const)].map(([kind, words]) => {
          const on = muted.kinds.includes(kind)
          return <button type="button" key={kind} aria-pressed={on} data-mute-kind={kind} onClick={() => (on ? onUnmute({ kind }) : onMute({ kind }))}><Icon name={on ? 'bell-off' : 'bell'} size={14} />{words}</button>
        })}
      </div>
    </details>
  )
}

export function InboxBell(props: InboxProps) {
  const { items, unread, said, onRead } = props
  return (
    <>
      <p class="only-read" role="status">{said}</p>
      <Menu label={unread === 0 ? 'Notifications' : `Notifications, ${number(unread)} unread`} tip="Notifications (i)" hook="inbox" class="inbox" buttonClass="quiet bell"
        button={<><Icon name="bell" size={16} />{unread > 0 && <span class="bell-count" data-unread-count={unread}>{unread > 99 ? '99+' : unread}</span>}</>}>
        <header class="inbox-head">
          <h2>Notifications</h2>
          {unread > 0 && <button type="button" data-testid="mark-all-read" onClick={() => onRead(null)}><Icon name="check" size={14} />Mark all as read</button>}
        </header>
        {props.more}
        {items.length === 0 ? <p class="dim inbox-none">Nothing yet. You hear here of what you made, published or follow.</p> : <ul class="inbox-list">{items.map((item) => <Row key={item.id} item={item} {...props} />)}</ul>}
        <Quiet {...props} />
      </Menu>
    </>
  )
}
