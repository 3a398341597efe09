/** What the storyboard sends: new shots, and where a shot belongs. */
import type { Entity, Fields, Reference } from '../types.ts'
import { patch, post, remove } from './http.ts'

const enc = encodeURIComponent
const project = (pid: string) => `/projects/${enc(pid)}`

export interface NewShot {
  id: string
  name: string
  fields: Fields
  references: { source: string; role?: string }[]
}

export const createShot = (pid: string, shot: NewShot) => post<Entity>(`${project(pid)}/entities`, { kind: 'shot', ...shot })
/** Takes a shot away again, with everything that refers to it. */
export const deleteShot = (pid: string, id: string) => remove<unknown>(`${project(pid)}/entities/${enc(id)}?force=true`)

/** Makes a shot a member of a sequence or scene. */
export const joinAt = (pid: string, shot: string, target: string, order: string) =>
  post<Reference>(`${project(pid)}/references`, { source: shot, target, order })
export const reorder = (pid: string, reference: string, order: string) => patch<unknown>(`${project(pid)}/references/${enc(reference)}`, { order })
export const leave = (pid: string, reference: string) => remove<unknown>(`${project(pid)}/references/${enc(reference)}`)
