/** A file to import: what it is, what it seems to hold, and what the server says it would do. */
import type { FileFormat } from '../api/endpoints.ts'
import type { Imported, Json, SceneItem, Screenplay } from '../types.ts'

export interface ImportFile {
  name: string
  /** As it is on disk: only the server says whether its bytes are text. */
  file: Blob
  text: string
  format: FileFormat
}

export const LARGEST = 50 * 1024 * 1024

/** JSON begins as JSON does; everything else is read as a screenplay. */
export function formatOf(text: string): FileFormat {
  return /^\uFEFF?\s*[[{]/.test(text) ? 'json' : 'fountain'
}

const plural = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`

const LISTS = ['sequences', 'scenes', 'shots', 'characters', 'props', 'wardrobes', 'locations', 'styles', 'assets'] as const

/** What a file seems to hold, for when there is no project yet to try it on. */
export function glance({ text, format }: Pick<ImportFile, 'text' | 'format'>): { title: string; words: string; problem: string } {
  if (format === 'fountain') {
    const title = /^title:[ \t]*(?:\n[ \t]+)?(.*)$/im.exec(text)?.[1]?.replaceAll(/[_*]/g, '').trim() ?? ''
    const scenes = text.split('\n').filter((line) => /^\s*(INT|EXT|EST|I\/E)[. /]/i.test(line)).length
    return { title, words: scenes === 0 ? 'A text without scene headings.' : `A screenplay of about ${plural(scenes, 'scene')}.`, problem: scenes === 0 ? 'It may not be a screenplay: no line begins with INT. or EXT.' : '' }
  }
  try {
    const data = JSON.parse(text.replace(/^\uFEFF/, '')) as Json
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return { title: '', words: '', problem: 'The file holds a list, and a production is an object with lists such as “shots”.' }
    const parts = LISTS.flatMap((name) => {
      const list = data[name]
      return Array.isArray(list) && list.length > 0 ? [plural(list.length, name.replace(/s$/, ''), name)] : []
    })
    const own = data['project']
    const title = typeof own === 'object' && own !== null && !Array.isArray(own) && typeof own['name'] === 'string' ? own['name'] : ''
    return { title, words: parts.length === 0 ? 'A production without shots or assets.' : `A production with ${parts.join(', ')}.`, problem: '' }
  } catch (error) {
    return { title: '', words: '', problem: `This is not valid JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** "12 would be created, 3 updated; 40 stay as they are." */
export function importWords(found: Imported, done: boolean): string {
  const { created = 0, updated = 0, unchanged = 0 } = found
  const removed = found.removed?.length ?? 0
  if (created + updated + removed === 0) return unchanged === 0 ? 'There is nothing in this file to import.' : 'Everything in this file is here already. Nothing would change.'
  const would = done ? '' : 'would be '
  const parts = [created > 0 && `${created} ${would}created`, updated > 0 && `${updated} ${would}updated`, removed > 0 && `${removed} ${would}removed`].filter(Boolean)
  return `${parts.join(', ')}.${unchanged > 0 ? ` ${unchanged} ${unchanged === 1 ? 'stays' : 'stay'} as ${unchanged === 1 ? 'it is' : 'they are'}.` : ''}`
}

export interface ImportList {
  /** Becomes `data-import-list`. */
  id: string
  title: string
  rows: readonly { key: string; what: string; more: string }[]
}

/** An entity, however the server names it: by id, or as an object. */
export function nameIn(value: Json | undefined): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ''
  for (const key of ['name', 'heading', 'item', 'id', 'message', 'detail']) {
    const found = value[key]
    if (typeof found === 'string' && found !== '') return found
  }
  return JSON.stringify(value)
}

const words = (value: Json | undefined): string => (Array.isArray(value) ? value.map(nameIn).join(', ') : nameIn(value))

function scene(item: SceneItem, more: string): ImportList['rows'][number] {
  const number = item.number === undefined || item.number === null || item.number === '' ? '' : `${item.number}. `
  return { key: item.id ?? `${number}${item.heading ?? ''}`, what: `${number}${item.heading ?? item.id ?? ''}`, more }
}

function moved({ from, to }: SceneItem): string {
  if (from === undefined || to === undefined) return ''
  return `from ${words(from) || 'nowhere'} to ${words(to) || 'nowhere'}`
}

const plain = (values: readonly Json[] = []) => values.map((value, i) => ({ key: `${i} ${nameIn(value)}`, what: nameIn(value), more: '' }))

function screenplayLists({ scenes = {}, people = {}, locations = {}, affected_shots: shots = [] }: Screenplay): ImportList[] {
  return [
    { id: 'added', title: 'New scenes', rows: (scenes.added ?? []).map((s) => scene(s, '')) },
    { id: 'rewritten', title: 'Rewritten scenes', rows: (scenes.rewritten ?? []).map((s) => scene(s, words(s.what))) },
    { id: 'moved', title: 'Moved scenes', rows: (scenes.moved ?? []).map((s) => scene(s, moved(s))) },
    { id: 'omitted', title: 'Omitted scenes', rows: (scenes.omitted ?? []).map((s) => scene(s, '')) },
    { id: 'people-added', title: 'New people', rows: plain(people.added) },
    { id: 'renamed', title: 'Renamed people', rows: (people.renamed ?? []).map((r) => ({ key: r.id ?? r.from ?? '', what: `${r.from ?? r.id ?? ''} → ${r.to ?? ''}`, more: '' })) },
    { id: 'gone', title: 'People who no longer speak', rows: plain(people.gone) },
    { id: 'offered', title: 'Perhaps the same person', rows: (people.offered ?? []).map((o) => ({ key: `${o.a?.id} ${o.b?.id}`, what: `${o.a?.name ?? o.a?.id ?? ''} and ${o.b?.name ?? o.b?.id ?? ''}`, more: o.reason ?? '' })) },
    { id: 'locations-added', title: 'New locations', rows: plain(locations.added) },
    { id: 'locations-gone', title: 'Locations that no scene is set in', rows: plain(locations.gone) },
    { id: 'affected-shots', title: 'Shots that this reaches', rows: shots.map((s) => ({ key: s.id ?? s.name ?? '', what: s.name ?? s.id ?? '', more: s.reason ?? '' })) },
  ]
}

/** Everything that is worth a list, in the order in which one asks. */
export function importLists(found: Imported): ImportList[] {
  return [
    ...screenplayLists(found.screenplay ?? {}),
    { id: 'removed', title: 'Removed', rows: plain(found.removed) },
    { id: 'skipped', title: 'Left out', rows: (found.skipped ?? []).map((s, i) => ({ key: `${i}`, what: nameIn(s.item), more: s.reason ?? '' })) },
    { id: 'warnings', title: 'Worth knowing', rows: plain(found.warnings) },
  ].filter((list) => list.rows.length > 0)
}
