/** Which shots are shown and in which order: a filter, its words in the URL, and what it does to groups. */
import type { Resolved } from '../types.ts'
import type { Group } from './groups.ts'
import { sourcesOf } from './overlay.ts'
import { natural } from './seats.ts'

export const MARKS = ['attention', 'pinned'] as const
export type Mark = (typeof MARKS)[number]
export const SORTS = ['order', 'id', 'status', 'duration', 'changed'] as const
export type Sort = (typeof SORTS)[number]

export interface Filter {
  /** All of these words are somewhere in what a shot says of itself. */
  words: string
  /** All of these are what the shot is built on, however deep. */
  assets: readonly string[]
  /** One of these, where there are any. */
  statuses: readonly string[]
  /** One of these, where there are any. */
  marks: readonly Mark[]
  sort: Sort
  down: boolean
}

export const EVERYTHING: Filter = { words: '', assets: [], statuses: [], marks: [], sort: 'order', down: false }

export function readFilter(query: string): Filter {
  const q = new URLSearchParams(query)
  const asked = q.get('sort') ?? ''
  const down = asked.startsWith('-')
  const sort = SORTS.find((s) => s === (down ? asked.slice(1) : asked)) ?? 'order'
  return {
    words: q.get('q') ?? '',
    assets: [...new Set(q.getAll('asset'))],
    statuses: [...new Set(q.getAll('status'))],
    marks: MARKS.filter((mark) => q.getAll('show').includes(mark)),
    sort,
    down: down && sort !== 'order',
  }
}

/** As part of a URL; what filters nothing is not said. */
export function writeFilter(filter: Filter): string {
  const q = new URLSearchParams()
  if (filter.words.trim() !== '') q.set('q', filter.words)
  for (const id of filter.assets) q.append('asset', id)
  for (const status of filter.statuses) q.append('status', status)
  for (const mark of filter.marks) q.append('show', mark)
  if (filter.sort !== 'order') q.set('sort', `${filter.down ? '-' : ''}${filter.sort}`)
  return q.toString()
}

/** Does it leave anything out? */
export const narrows = (f: Filter): boolean => f.words.trim() !== '' || f.assets.length + f.statuses.length + f.marks.length > 0

const WAITING = new Set(['awaiting_approval', 'conflict', 'blocked', 'failed'])

export const needsAttention = (shot: Resolved): boolean => shot.stale || (shot.last_outcome !== null && WAITING.has(shot.last_outcome.outcome))

export const isPinned = (shot: Resolved): boolean => shot.references.some((r) => r.policy === 'pinned' || r.references?.some((n) => n.policy === 'pinned') === true)

const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

/** What a shot says of itself; a state never changes, so its text is made once. */
const texts = new WeakMap<Resolved, string>()

function textOf(shot: Resolved): string {
  const known = texts.get(shot)
  if (known !== undefined) return known
  const description = shot.fields['description']
  const names = shot.references.flatMap((r) => [r.name, ...(r.references ?? []).map((n) => n.name)])
  const made = fold([shot.id, shot.name, typeof description === 'string' ? description : '', ...names].join('\n'))
  texts.set(shot, made)
  return made
}

const sources = new WeakMap<Resolved, ReadonlySet<string>>()

function builtOn(shot: Resolved): ReadonlySet<string> {
  const known = sources.get(shot) ?? sourcesOf(shot)
  sources.set(shot, known)
  return known
}

export function matcher(filter: Filter): (shot: Resolved) => boolean {
  const words = fold(filter.words).split(/\s+/).filter(Boolean)
  const { assets, statuses, marks } = filter
  return (shot) =>
    (statuses.length === 0 || statuses.includes(shot.status)) &&
    (marks.length === 0 || (marks.includes('attention') && needsAttention(shot)) || (marks.includes('pinned') && isPinned(shot))) &&
    assets.every((id) => id !== shot.id && builtOn(shot).has(id)) &&
    words.every((word) => textOf(shot).includes(word))
}

export const changedAt = (shot: Resolved): string => {
  const [own, last] = [shot.updated_at ?? '', shot.last_outcome?.outcome === 'updated' ? shot.last_outcome.at : '']
  return own > last ? own : last
}

const seconds = (shot: Resolved) => Number(shot.fields['duration']) || 0

/** Equal ones keep their order. */
function comparer({ sort, down }: Filter, statuses: readonly string[]): ((a: Resolved, b: Resolved) => number) | null {
  const turn = down ? -1 : 1
  const rank = (shot: Resolved) => (statuses.includes(shot.status) ? statuses.indexOf(shot.status) : statuses.length)
  switch (sort) {
    case 'order': return null
    case 'id': return (a, b) => turn * natural.compare(a.id, b.id)
    case 'status': return (a, b) => turn * (rank(a) - rank(b))
    case 'duration': return (a, b) => turn * (seconds(a) - seconds(b))
    case 'changed': return (a, b) => -turn * (changedAt(a) < changedAt(b) ? -1 : changedAt(a) > changedAt(b) ? 1 : 0)
  }
}

/** The groups as they are shown; one of which nothing is left is left out. */
export function applyFilter(groups: readonly Group[], filter: Filter, baseOf: (id: string) => Resolved | undefined, statuses: readonly string[]): readonly Group[] {
  const compare = comparer(filter, statuses)
  const all = !narrows(filter)
  if (all && compare === null) return groups
  const wanted = matcher(filter)
  return groups.flatMap((group): Group[] => {
    const shots = group.shots.flatMap((id) => baseOf(id) ?? []).filter((shot) => all || wanted(shot))
    if (shots.length === 0 && !all) return []
    if (compare !== null) shots.sort(compare)
    return [{ ...group, shots: shots.map((shot) => shot.id), seconds: shots.reduce((sum, shot) => sum + seconds(shot), 0) }]
  })
}
