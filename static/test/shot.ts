/** A resolved shot for the tests, as the server would send it. */
import type { Fields, Policy, Resolved, ResolvedRef } from '../src/types.ts'

let made = 0

export function ref(kind: string, source: string, fields: Fields = {}, more: Partial<ResolvedRef> = {}): ResolvedRef {
  made += 1
  return { id: `ref-${source}`, source, kind, name: source, role: kind, policy: 'latest' as Policy, version: 1, latest_version: 1, order: `a${String(made).padStart(4, '0')}`, overrides: {}, fields, references: [], ...more }
}

export function worn(by: string): ResolvedRef {
  return ref('character', by, {}, { role: 'worn_by', id: `worn-${by}` })
}

export function shot(id: string, references: ResolvedRef[] = [], fields: Fields = {}, more: Partial<Resolved> = {}): Resolved {
  return {
    id, project_id: 'p', kind: 'shot', name: id, status: 'wip', version: 1, fields, references, used_by: [], prompt: '', hash: 'h', visual_hash: 'v',
    stale: false, stale_reasons: [], last_outcome: null, ...more,
  }
}
