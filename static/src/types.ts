/** The shapes the server sends, as its REST and live pages describe them. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Fields = { [name: string]: Json }

export type Policy = 'latest' | 'approved' | 'pinned'
export type FieldType = 'prose' | 'text' | 'number' | 'choice' | 'colour' | 'picture' | 'list'

export interface FieldSpec {
  name: string
  label: string
  type: FieldType
  facet: 'visual' | 'metadata'
  choices?: string[]
}

export interface Kind {
  name: string
  label: string
  plural: string
  category: 'asset' | 'shot' | 'scene' | 'sequence'
  icon: string
  colour: string
  fields: FieldSpec[]
}

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface Project {
  id: string
  name: string
  created_at?: string
  settings?: { [name: string]: Json }
}

export interface Me {
  user: string
  role: string
  project_id: string | null
  colour: string
  /** When the login ends; null where it does not. */
  expires_at: string | null
}

export interface Reference {
  id: string
  source: string
  target: string
  role: string
  policy: Policy
  version: number
  order: string
  overrides: Fields
}

export interface LastOutcome {
  outcome: string
  reason: string
  source: string | null
  source_version: number | null
  run_id: string | null
  at: string
}

export interface Entity {
  id: string
  project_id: string
  kind: string
  name: string
  fields: Fields
  status: string
  version: number
  approved_version: number | null
  references: Reference[]
  stale: boolean
  stale_reasons: string[]
  last_outcome: LastOutcome | null
  hash: string
  visual_hash: string
  created_at: string
  updated_at: string
}

/** What a resolved entity was built on; `fields` have the reference's overrides applied. */
export interface ResolvedRef {
  id: string
  source: string
  kind: string
  name: string
  role: string
  policy: Policy
  version: number
  latest_version: number
  order: string
  overrides: Fields
  fields: Fields
  references?: ResolvedRef[]
}

export interface UsedBy {
  id: string
  target: string
  kind: string
  role: string
  order: string
  policy: Policy
  version: number
}

/** An entity's newest picture; `thumbnails` by their width in pixels; `stale` when what it shows has changed since. */
export interface PictureInfo {
  id: string
  url: string
  thumbnails: { [width: string]: string }
  width: number
  height: number
  stale: boolean
  stale_reasons: string[]
}

export interface Picture extends PictureInfo {
  made_from: { versions: { [entity: string]: number } }
  author: string
  created_at: string
}

export interface Resolved {
  id: string
  project_id: string
  kind: string
  name: string
  status: string
  version: number
  fields: Fields
  references: ResolvedRef[]
  used_by: UsedBy[]
  prompt: string
  hash: string
  visual_hash: string
  stale: boolean
  stale_reasons: string[]
  picture?: PictureInfo | null
  last_outcome: LastOutcome | null
  updated_at?: string
}

/** Why an entity looks as it does now. */
export interface Story {
  references: readonly StoryReference[]
  more_references: number
  outcomes: readonly StoryOutcome[]
}

export interface StoryReference {
  id: string
  source: string
  name: string
  kind: string
  policy: Policy
  version: number
  latest_version: number
  why: string
  since: { at: string; by: string; how: string; run_id: string | null } | null
  behind: { version: number; verdict: string | null; why: string } | null
  overrides: readonly { field: string; value: Json; instead_of: Json }[]
}

export interface StoryOutcome {
  outcome: string
  reason: string
  at: string
  run_id: string
  author: string
  message: string
}

export interface Change {
  from: Json
  to: Json
}

export interface Version {
  id: string
  asset_id: string
  number: number
  name: string
  status: string
  cause: string
  run_id: string | null
  changes: { [field: string]: Json }
  /** The id of the version it was made from. */
  previous_version: string | null
  timestamp: string
  author: string
  message: string | null
  fields: Fields
  references: { [key: string]: Json }[]
}

export interface AuditEntry {
  at: string
  actor: string
  action: string
}

/** What an import did, or would do; every part may be missing. */
export interface Imported {
  created?: number
  updated?: number
  unchanged?: number
  removed?: Json[]
  skipped?: { item?: Json; reason?: string }[]
  warnings?: Json[]
  run_id?: string | null
  screenplay?: Screenplay
}

export interface SceneItem {
  id?: string
  number?: string | number | null
  heading?: string
  from?: Json
  to?: Json
  what?: Json
}

export interface Screenplay {
  title?: string | null
  scenes?: { added?: SceneItem[]; omitted?: SceneItem[]; moved?: SceneItem[]; rewritten?: SceneItem[] }
  people?: {
    added?: Json[]
    renamed?: { id?: string; from?: string; to?: string }[]
    gone?: Json[]
    offered?: { a?: { id?: string; name?: string }; b?: { id?: string; name?: string }; reason?: string }[]
  }
  locations?: { added?: Json[]; gone?: Json[] }
  affected_shots?: { id?: string; name?: string; reason?: string }[]
}

export interface WordStep {
  op: 'equal' | 'insert' | 'delete'
  text: string
}

export interface Diff {
  asset_id: string
  from: number
  to: number
  fields: { [field: string]: Change & { words?: WordStep[] } }
  references?: { added?: Json[]; removed?: Json[]; changed?: Json[] }
  name?: Change
  status?: Change
}

export interface OutcomeRow {
  entity_id: string
  outcome: string
  reason: string
}

export type Counts = { [outcome: string]: number }

export interface Impact {
  affected_shots: string[] | number
  affected_sequences: string[] | number
  outcomes: OutcomeRow[]
  counts: Counts
  plan_hash: string
}

/** What restoring a whole project would do: so many new versions, what would go and come back. */
export interface RestoreImpact extends Impact {
  versions: number
  deleted: string[]
  restored: string[]
}

/** Answer A of the REST page; a dry run may carry the outcomes it would have. */
export interface Answer {
  status: 'success' | 'conflict' | 'pending_approval' | 'accepted'
  affected_entities: number
  version: string | null
  run_id: string | null
  counts: Counts
  outcomes?: OutcomeRow[]
}

/** The run that takes back another; no run and both sides where later edits are in the way. */
export interface RunRollback {
  id: string | null
  status: string
  conflicts: { entity_id: string; field: string }[]
}

export interface Dependency {
  id: string
  kind: string
  depth: number
  path: string[]
}

export interface Dependencies {
  asset_id: string
  dependencies: Dependency[]
  total: number
}

export interface Person {
  session: string
  user: string
  name: string
  colour: string
  view: string | null
  entity: string | null
}

/** Any JSON frame of the project's socket; `store/follow.ts` reads the ones it knows. */
export interface Frame {
  type: string
  seq?: number
  prev?: number
  [key: string]: Json | undefined
}

export type Decision = 'approve' | 'reject'

/** A target that would show another version of a source, and what it looks like before and after. */
export interface Approval {
  id: string
  source: string
  source_name: string
  source_kind: string
  target: string
  target_name: string
  target_kind: string
  target_status: string
  classes: string[]
  rule: { id: string; name: string }
  run_id: string
  author: string
  since: string
  at: string
  status: 'open' | 'approved' | 'rejected' | 'closed'
  plan_hash: string
  before: ApprovalSide
  after: ApprovalSide
  differs: Omit<Diff, 'asset_id' | 'from' | 'to'> & { message?: string }
}

export interface ApprovalSide {
  version: number
  visual_hash: string | null
  /** The target, where it was asked for. */
  resolved?: Resolved | null
}

/** A change, and how much waits because of it. */
export interface ApprovalGroup {
  run_id: string
  open: number
  plan_hash: string | null
  sources: { id: string; name: string; version: string }[]
  author: string
  message: string
  cause: string
  created_at: string | null
}

export interface ApprovalPage extends Page<Approval> {
  groups: ApprovalGroup[]
  open: number
}
