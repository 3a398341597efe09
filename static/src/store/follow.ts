/** What each live frame means for what the page holds. */
import type { Fields, Frame, Json, Person } from '../types.ts'

export interface Followers {
  draft(asset: string, values: Fields): void
  /** These were published or changed; `asset` is what caused it. */
  changed(ids: readonly string[], asset: string | null): void
  newest(asset: string, version: number): void
  /** Something was asked, or decided. */
  approvals(): void
  rules(): void
  /** Two things met that cannot both stand, or that was settled. */
  conflict(frame: Frame): void
  people(people: readonly Person[]): void
  progress(frame: Frame): void
  finished(frame: Frame): void
  /** Something that the server tells this person alone. */
  notified(frame: Frame): void
  saved(document: string): void
  tell(message: string): void
}

const strings = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? value.flatMap((v) => (typeof v === 'string' ? [v] : idOf(v))) : []

function idOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || !('id' in value)) return []
  return typeof value.id === 'string' ? [value.id] : []
}

const SUBJECTS = ['asset_id', 'entity_id', 'source', 'target', 'entities', 'entity_ids', 'affected_entities'] as const

/** A reference or an entity that rides in a frame, whole or by id. */
function nested(value: Json | undefined): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return strings(value)
  return strings(value['source']).concat(strings(value['target']), 'kind' in value ? strings(value['id']) : [])
}

/** Every entity a durable frame names. */
export function subjects(frame: Frame): string[] {
  const ids = SUBJECTS.flatMap((key) => strings(frame[key]))
  return [...new Set(ids.concat(nested(frame['reference']), nested(frame['entity'])))]
}

/** `14`, `"char-001_v14"` or `"v14"` → 14. */
export function versionNumber(value: unknown): number | null {
  if (typeof value === 'number') return value
  const found = typeof value === 'string' ? /v(\d+)$/.exec(value)?.[1] : undefined
  return found === undefined ? null : Number(found)
}

export function follow(frame: Frame, to: Followers): void {
  const asset = typeof frame['asset_id'] === 'string' ? frame['asset_id'] : typeof frame['entity_id'] === 'string' ? frame['entity_id'] : null
  switch (frame.type) {
    case 'asset_update': {
      if (frame['stage'] === 'draft') {
        if (asset !== null && typeof frame['values'] === 'object' && frame['values'] !== null) to.draft(asset, frame['values'] as Fields)
        return
      }
      announce(frame, asset, to)
      return
    }
    case 'version_created':
    case 'rollback_completed':
    case 'entity_changed':
    case 'graph_changed':
      announce(frame, asset, to)
      return
    case 'conflict_detected':
    case 'conflict_resolved':
      to.conflict(frame)
      to.changed(subjects(frame), null)
      return
    case 'approval_requested':
    case 'approval_decided':
      to.approvals()
      to.changed(subjects(frame), null)
      return
    case 'rules_changed':
      to.rules()
      return
    case 'presence':
      if (Array.isArray(frame['people'])) to.people(frame['people'] as unknown as Person[])
      return
    case 'propagation_progress':
      to.progress(frame)
      return
    case 'run_finished':
      to.finished(frame)
      return
    case 'notification':
      to.notified(frame)
      return
    case 'saved':
      to.saved(String(frame['document'] ?? ''))
      return
    case 'error':
      to.tell(String(frame['message'] ?? 'The server refused something.'))
      return
    default:
  }
}

function announce(frame: Frame, asset: string | null, to: Followers): void {
  const version = versionNumber(frame['version'] ?? frame['number'] ?? frame['version_id'])
  if (asset !== null && version !== null) to.newest(asset, version)
  to.changed(subjects(frame), asset)
}
