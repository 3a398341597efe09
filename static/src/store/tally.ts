/** How many different assets of each kind there are, in all and by group. */
import type { Resolved } from '../types.ts'
import type { Group } from './groups.ts'

export type Numbers = ReadonlyMap<string, number>

export interface Tally {
  all: Numbers
  groups: ReadonlyMap<string, Numbers>
}

const add = (to: Map<string, Set<string>>, kind: string, source: string) => {
  const known = to.get(kind)
  if (known === undefined) to.set(kind, new Set([source]))
  else known.add(source)
}

const sizes = (sets: ReadonlyMap<string, ReadonlySet<string>>): Numbers => new Map([...sets].map(([kind, set]) => [kind, set.size]))

export function tally(groups: readonly Group[], baseOf: (id: string) => Resolved | undefined): Tally {
  const all = new Map<string, Set<string>>()
  const by = new Map<string, Numbers>()
  for (const group of groups) {
    const here = new Map<string, Set<string>>()
    for (const id of group.shots) {
      for (const { kind, source } of baseOf(id)?.references ?? []) {
        add(here, kind, source)
        add(all, kind, source)
      }
    }
    by.set(group.id, sizes(here))
  }
  return { all: sizes(all), groups: by }
}

const same = (a: Numbers | undefined, b: Numbers): boolean => a !== undefined && a.size === b.size && [...b].every(([kind, n]) => a.get(kind) === n)

/** The numbers that are as they were stay the very same objects, so that views leave them alone. */
export function settleTally(before: Tally, made: Tally): Tally {
  const groups = new Map([...made.groups].map(([id, numbers]) => {
    const was = before.groups.get(id)
    return [id, was !== undefined && same(was, numbers) ? was : numbers]
  }))
  const all = same(before.all, made.all) ? before.all : made.all
  const still = all === before.all && groups.size === before.groups.size && [...groups].every(([id, numbers]) => before.groups.get(id) === numbers)
  return still ? before : { all, groups }
}
