/** Drafts shown over what is published: a labelled preview in everything that follows the draft. */
import type { Fields, Json, Resolved, ResolvedRef } from '../types.ts'

export type Overlays = ReadonlyMap<string, Fields>

export interface Previewed {
  shot: Resolved
  /** Names of the sources whose drafts are showing; empty when nothing is overlaid. */
  previews: readonly string[]
}

/** Absent, null and the empty text are the same to a reader. */
const blank = (value: Json | undefined): boolean => value === undefined || value === null || value === ''

export function same(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (blank(a) && blank(b)) || JSON.stringify(a) === JSON.stringify(b)
}

/** The fields of `ahead` that are not as in `base`. */
export function difference(ahead: Fields, base: Fields): Fields {
  const out: Fields = {}
  for (const [name, value] of Object.entries(ahead)) if (!same(value, base[name])) out[name] = value
  return out
}

function overlayRef(ref: ResolvedRef, overlays: Overlays, names: Set<string>): ResolvedRef {
  // Pins hold all the way down: below a reference that does not follow, nothing moves.
  if (ref.policy !== 'latest') return ref
  const nested = ref.references?.map((r) => overlayRef(r, overlays, names))
  const moved = nested !== undefined && nested.some((r, i) => r !== ref.references?.[i])
  const values = overlays.get(ref.source)
  const changes = values === undefined ? {} : difference(values, { ...ref.fields, ...pickKeys(values, ref.overrides) })
  if (Object.keys(changes).length === 0) return moved && nested !== undefined ? { ...ref, references: nested } : ref
  names.add(ref.name)
  const fields = { ...ref.fields, ...changes }
  return nested === undefined ? { ...ref, fields } : { ...ref, fields, references: nested }
}

/** An overridden field keeps its override, so its draft value is no difference. */
function pickKeys(values: Fields, overrides: Fields): Fields {
  const out: Fields = {}
  for (const name of Object.keys(overrides)) if (name in values) out[name] = values[name] ?? null
  return out
}

export function withOverlays(shot: Resolved, overlays: Overlays): Previewed {
  if (overlays.size === 0) return { shot, previews: [] }
  const names = new Set<string>()
  // A final shot asks first, so it does not show what it has not agreed to.
  const references = shot.status === 'final' ? shot.references : shot.references.map((r) => overlayRef(r, overlays, names))
  const own = difference(overlays.get(shot.id) ?? {}, shot.fields)
  if (Object.keys(own).length > 0) names.add(shot.name)
  if (names.size === 0) return { shot, previews: [] }
  return { shot: { ...shot, fields: { ...shot.fields, ...own }, references }, previews: [...names] }
}

/** Everything the shot is built on, by id, however deep. */
export function sourcesOf(shot: Resolved): Set<string> {
  const out = new Set<string>([shot.id])
  const walk = (refs: readonly ResolvedRef[]) => {
    for (const ref of refs) {
      out.add(ref.source)
      walk(ref.references ?? [])
    }
  }
  walk(shot.references)
  return out
}
