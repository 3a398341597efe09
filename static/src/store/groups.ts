/** Shots under their sequences or scenes, in the order that the references to those give. */
import type { Resolved } from '../types.ts'
import type { Grouping } from '../ui/preferences.ts'
import { byId, byText, compareSeats, type Entities, natural, type Seat, type Seats, seatsBy } from './seats.ts'

export interface Group {
  id: string
  name: string
  shots: readonly string[]
  seconds: number
  /** A scene's number in the script. */
  number?: string
  /** What a scene's heading says besides: setting, time of day, length. */
  note?: string
}

export const LOOSE = '\u0000loose'

/** Eighths of a page as they are written: 10 → "1 2/8". */
export function pages(eighths: number): string {
  const [whole, rest] = [Math.floor(eighths / 8), Math.round(eighths % 8)]
  const text = [whole > 0 && String(whole), rest > 0 && `${rest}/8`].filter(Boolean).join(' ')
  return text === '' ? '' : `${text} ${eighths > 8 ? 'pages' : 'page'}`
}

const SETTINGS: { [setting: string]: string } = { interior: 'INT', exterior: 'EXT' }

function sceneHead({ name, fields }: Resolved): Pick<Group, 'number' | 'note'> {
  const text = (field: string) => (typeof fields[field] === 'string' ? fields[field].trim() : '')
  // A heading as scripts have it says the setting itself, and mostly the time of day.
  const said = /^(INT|EXT|I\/E|EST)\b/i.test(name)
  const setting = said ? '' : (SETTINGS[text('setting')] ?? text('setting'))
  const time = text('time_of_day')
  const timed = said && name.toLowerCase().endsWith(time.toLowerCase())
  const length = fields['length_eighths']
  const note = [setting, timed ? '' : time, typeof length === 'number' && length > 0 ? pages(length) : ''].filter(Boolean).join(' · ')
  const number = typeof fields['number'] === 'number' ? String(fields['number']) : text('number')
  return { ...(number === '' ? {} : { number }), ...(note === '' ? {} : { note }) }
}

const numberOf = (scene: Resolved) => String(scene.fields['number'] ?? '\uffff')

/** Scenes as the sequences order them; then those in no sequence, by number. */
function sceneRanks(sequences: Entities, scenes: Entities): Map<string, number> {
  const placed = byId(sequences).flatMap((q) => q.references.filter((r) => r.kind === 'scene').toSorted((a, b) => byText(a.order, b.order) || natural.compare(a.source, b.source)).map((r) => r.source))
  const rest = byId(scenes).toSorted((a, b) => natural.compare(numberOf(a), numberOf(b))).map((s) => s.id)
  return new Map([...new Set([...placed, ...rest])].map((id, at) => [id, at]))
}

export function group(shots: Iterable<Resolved>, sequences: Entities, scenes: Entities, grouping: Grouping = 'sequence', seats: Seats = seatsBy(grouping, sequences, scenes)): Group[] {
  const homes = grouping === 'scene' ? scenes : sequences
  const rows = new Map<string, { shot: Resolved; seat: Seat | undefined }[]>([...homes.keys()].map((id) => [id, []]))
  for (const shot of shots) {
    const seat = seats.get(shot.id)
    const row = rows.get(seat?.group ?? LOOSE)
    if (row === undefined) rows.set(seat?.group ?? LOOSE, [{ shot, seat }])
    else row.push({ shot, seat })
  }
  const groups: Group[] = []
  for (const [id, row] of rows) {
    row.sort((a, b) => (a.seat === undefined || b.seat === undefined ? natural.compare(a.shot.id, b.shot.id) : compareSeats(a.seat, b.seat, a.shot.id, b.shot.id)))
    const home = homes.get(id)
    groups.push({
      id,
      name: id === LOOSE ? `Not in a ${grouping}` : (home?.name ?? id),
      shots: row.map((r) => r.shot.id),
      seconds: row.reduce((sum, { shot }) => sum + (Number(shot.fields['duration']) || 0), 0),
      ...(grouping === 'scene' && home !== undefined ? sceneHead(home) : {}),
    })
  }
  const ranks = grouping === 'scene' ? sceneRanks(sequences, scenes) : new Map<string, number>()
  const rank = (id: string) => (id === LOOSE ? Number.POSITIVE_INFINITY : (ranks.get(id) ?? 0))
  return groups.toSorted((a, b) => (rank(a.id) === rank(b.id) ? natural.compare(a.id, b.id) : rank(a.id) - rank(b.id)))
}

function same(a: Group, b: Group): boolean {
  return a.id === b.id && a.name === b.name && a.seconds === b.seconds && a.number === b.number && a.note === b.note &&
    a.shots.length === b.shots.length && a.shots.every((s, k) => s === b.shots[k])
}

export function sameGroups(a: readonly Group[], b: readonly Group[]): boolean {
  return a.length === b.length && a.every((g, i) => b[i] !== undefined && same(g, b[i]))
}

/** What is as it was stays the very same object, so that views leave it alone. */
export function settle(before: readonly Group[], made: readonly Group[]): readonly Group[] {
  if (sameGroups(before, made)) return before
  const known = new Map(before.map((g) => [g.id, g]))
  return made.map((g) => {
    const was = known.get(g.id)
    return was !== undefined && same(was, g) ? was : g
  })
}
