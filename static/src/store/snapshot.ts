/** Reading a whole project, so that something shows before everything has arrived. */
import * as api from '../api/endpoints.ts'
import type { Kind, Project, Resolved } from '../types.ts'

/** About a screenful of rows. */
const FIRST = 60

/** The places that these sit in, and the places of those. */
async function placesOf(pid: string, items: readonly Resolved[]): Promise<Resolved[]> {
  const ids = [...new Set(items.flatMap((item) => item.used_by.map((use) => use.target)))].slice(0, api.BULK)
  if (ids.length === 0) return []
  const places = await api.readResolvedIds(pid, ids)
  const known = new Set(ids)
  const outer = await placesOf(pid, places.filter((place) => place.used_by.some((use) => !known.has(use.target))))
  return [...places, ...outer]
}

/**
 * Hands over every sequence, scene and shot: first some shots with the places that they sit in, then
 * all places, then the other shots. No shot comes before its place, where it would show as loose.
 */
export async function readSnapshot(pid: string, take: (items: Resolved[]) => void, about: (project: Project, kinds: readonly Kind[]) => void): Promise<void> {
  const told = Promise.all([api.readProject(pid), api.readKinds(pid)]).then(([project, kinds]) => {
    about(project, kinds)
    return kinds
  })
  const [kinds, first] = await Promise.all([told, api.readResolvedPage(pid, 'shot', FIRST, null)])
  take([...await placesOf(pid, first.items), ...first.items])
  const whole = (category: Kind['category']) => Promise.all(kinds.filter((kind) => kind.category === category && kind.name !== 'shot').map((kind) => api.readResolvedKind(pid, kind.name, take)))
  await Promise.all([whole('sequence'), whole('scene')])
  await Promise.all([whole('shot'), first.next_cursor === null ? undefined : api.readResolvedKind(pid, 'shot', take, first.next_cursor)])
}
