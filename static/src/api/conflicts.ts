/** Conflicts: both sides of what cannot both stand, and settling it. */
import type { Answer, FieldType, Fields, Json, Page, Policy } from '../types.ts'
import { get, post } from './http.ts'

const conflicts = (pid: string) => `/projects/${encodeURIComponent(pid)}/conflicts`

export type Choice = 'ours' | 'theirs' | 'merged'

/** `ours` is what the entity had, `theirs` what came to it; `merged` is a proposal, where there is one. */
export interface Conflict {
  id: string
  type: 'simultaneous_edit' | 'version_conflict' | 'dependency_conflict'
  severity: 'low' | 'medium' | 'high'
  entity_id: string
  entity_name: string
  entity_kind: string
  /** A field, or `@name`, `@status`, `@references` (the sides are one of them), `@approved`, `@deleted`. */
  field: string
  field_label: string
  field_type: FieldType | null
  base: Json
  ours: Json
  theirs: Json
  merged: Json
  /** What stands there now. */
  current: Json
  ours_by: string
  theirs_by: string
  affected_users: string[]
  resolution_options: Choice[]
  status: 'open' | 'resolved' | 'closed'
  /** It was settled without anybody, and can be settled otherwise once. */
  automatic: boolean
  resolution: Choice | null
  reason: string
  run_id: string | null
  created_at: string
  resolved_by: string | null
  resolved_at: string | null
}

export interface ConflictPage extends Page<Conflict> {
  open: number
}

/** A side of a conflict about what an entity is built on. */
export interface ReferenceSide {
  id: string
  source: string
  role: string
  policy: Policy
  version: number
  overrides: Fields
}

export const readConflicts = (pid: string, status: 'open' | 'resolved', limit: number, cursor: string | null) =>
  get<ConflictPage>(`${conflicts(pid)}?status=${status}&limit=${limit}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
/** Answers as soon as it is settled; what follows from it comes by frames. `undefined`: no value of one's own. */
export const resolveConflict = (pid: string, id: string, choice: Choice, value?: Json) =>
  post<Answer & { conflict: Conflict }>(`${conflicts(pid)}/${encodeURIComponent(id)}/resolve?wait=0`, { choice, ...(value === undefined ? {} : { value }) })
