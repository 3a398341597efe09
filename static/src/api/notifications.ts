/** Notifications, what is followed, and what is muted. */
import type { Json } from '../types.ts'
import { get, post, remove } from './http.ts'

const enc = encodeURIComponent
const project = (pid: string) => `/projects/${enc(pid)}`

export interface Notification {
  id: string
  kind: string
  text: string
  entity_id: string | null
  run_id: string | null
  detail: { [name: string]: Json }
  created_at: string
  read_at: string | null
}

export interface NotificationPage {
  items: Notification[]
  next_cursor: string | null
  unread: number
}

export interface Muted {
  entities: string[]
  kinds: string[]
}

/** One of both. */
export type Mute = { entity: string } | { kind: string }

export const readNotifications = (pid: string, limit: number) => get<NotificationPage>(`/notifications?project_id=${enc(pid)}&limit=${limit}`)
export const markRead = (pid: string, ids: readonly string[] | null) =>
  post<{ read: number; unread: number }>('/notifications/read', { project_id: pid, ...(ids === null ? { all: true } : { ids }) })
export const readMuted = (pid: string) => get<Muted>(`${project(pid)}/mutes`)
export const mute = (pid: string, what: Mute) => post<Muted>(`${project(pid)}/mutes`, what)
export const unmute = (pid: string, what: Mute) => {
  const [key, name] = 'entity' in what ? ['entity', what.entity] : ['kind', what.kind]
  return remove<Muted>(`${project(pid)}/mutes?${key}=${enc(name)}`)
}

export interface Followed {
  entity_id: string
  following: boolean
  followers: string[]
}

const follow = (pid: string, id: string) => `${project(pid)}/entities/${enc(id)}/follow`
export const readFollowed = (pid: string, id: string) => get<Followed>(follow(pid, id))
export const setFollowed = (pid: string, id: string, wanted: boolean) => (wanted ? post<Followed>(follow(pid, id)) : remove<Followed>(follow(pid, id)))
