/** What shots are made of, changed: assets added to shots and taken away, each with a way back. */
import * as api from '../api/endpoints.ts'
import type { Answer, Resolved, ResolvedRef } from '../types.ts'
import { fail, tell } from '../ui/toasts.ts'

const many = (ids: readonly string[]) => (ids.length === 1 ? (ids[0] ?? '') : `${ids.length} shots`)

/** The bottom line follows a run that goes on; what asks for somebody is said. */
const next = (answer: Answer) => (answer.status === 'accepted' ? 'The run goes on; the line below shows how far it is.' : '')

/** Adds an asset to shots in one step; those that have it already keep it as it is. */
export async function addTo(pid: string, asset: Pick<Resolved, 'id' | 'name'>, shots: readonly string[]): Promise<void> {
  try {
    const answer = await api.changeReferences(pid, { add: shots.map((target) => ({ source: asset.id, target })) })
    const made = answer.references.map((one) => one.id)
    if (made.length === 0) return tell(`${asset.name} is in ${many(shots)} already.`)
    const had = answer.unchanged.length
    tell(`${asset.name} added to ${many(answer.references.map((one) => one.target))}.`, had > 0 ? `${had} had it already.` : next(answer), {
      words: 'Undo',
      run: () => void api.changeReferences(pid, { remove: made }).then(() => tell(`${asset.name} taken away again.`), fail),
    })
  } catch (error) {
    fail(error)
  }
}

export interface Use {
  target: string
  reference: ResolvedRef
}

const again = ({ target, reference: { source, role, policy, version, overrides, order } }: Use): api.NewReference => ({
  source, target, role, policy, overrides, order, ...(policy === 'pinned' ? { version } : {}),
})

/** Takes an asset out of shots in one step; back comes each use as it was, pins and overrides too. */
export async function takeFrom(pid: string, name: string, uses: readonly Use[]): Promise<void> {
  if (uses.length === 0) return
  try {
    const answer = await api.changeReferences(pid, { remove: uses.map((use) => use.reference.id) })
    tell(`${name} removed from ${many([...new Set(uses.map((use) => use.target))])}.`, next(answer), {
      words: 'Undo',
      run: () => void api.changeReferences(pid, { add: uses.map(again) }).then(() => tell(`${name} is back.`), fail),
    })
  } catch (error) {
    fail(error)
  }
}

/** How these shots use an asset. */
export function usesOf(asset: string, shots: readonly Resolved[]): Use[] {
  return shots.flatMap((shot) => shot.references.filter((r) => r.source === asset).map((reference) => ({ target: shot.id, reference })))
}
