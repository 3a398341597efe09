/** The bell, wired to its project. */
import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import { type Followed, readFollowed, setFollowed } from '../../api/notifications.ts'
import { inspect, type OpenProject } from '../../store/open-project.ts'
import { Icon } from '../../ui/icon.tsx'
import { fail } from '../../ui/toasts.ts'
import { InboxBell } from './inbox.tsx'

const busy = (event: KeyboardEvent) => event.target instanceof Element && event.target.closest('input, select, textarea, [contenteditable=true], dialog') !== null

export const openInbox = () => document.querySelector<HTMLElement>('[data-testid="inbox"][aria-expanded="false"]')?.click()

/** Whether what is open in the inspector is followed; asked while the panel is open. */
function FollowOpen({ project, id }: { project: OpenProject; id: string }) {
  const [found, setFound] = useState<Followed | null>(null)
  useEffect(() => {
    let gone = false
    readFollowed(project.id, id).then((one) => !gone && setFound(one), () => undefined)
    return () => {
      gone = true
    }
  }, [project, id])
  if (found === null || found.entity_id !== id) return null
  const name = project.names.of(id)
  const others = found.followers.filter((user) => user !== project.me.user)
  return (
    <button type="button" class="inbox-follow" aria-pressed={found.following} data-testid="follow" data-tip={others.length === 0 ? undefined : `Also followed by ${others.join(', ')}`}
      onClick={() => void setFollowed(project.id, id, !found.following).then(setFound, fail)}>
      <Icon name={found.following ? 'check' : 'plus'} size={14} /><span class="menu-words">{found.following ? 'You follow' : 'Follow'} <bdi>{name}</bdi></span>
    </button>
  )
}

export function WiredInbox({ project }: { project: OpenProject }) {
  const { inbox } = project
  const open = project.inspection.value?.id ?? null
  // Names that are learned later are shown.
  void project.names.versions.value
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'i' || event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || busy(event)) return
      event.preventDefault()
      openInbox()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
  const read = (ids: readonly string[] | null) => void inbox.read(ids).catch(fail)
  return (
    <InboxBell items={inbox.items.value} unread={inbox.unread.value} muted={inbox.muted.value} said={inbox.said.value} more={open === null ? null : <FollowOpen project={project} id={open} />} nameOf={(id) => project.names.of(id)}
      onOpen={(item) => {
        read([item.id])
        if (item.entity_id !== null && item.kind !== 'removed') inspect(item.entity_id)
      }}
      onRead={read} onMute={(what) => void inbox.mute(what).catch(fail)} onUnmute={(what) => void inbox.unmute(what).catch(fail)} />
  )
}
