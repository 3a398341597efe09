/** Why a panel looks so: a tag of a few words, and the reason in a sentence. */
import type { IconName } from '../../ui/icon.tsx'
import { relative } from '../../ui/time.tsx'
import type { Resolved, ResolvedRef } from '../../types.ts'

export interface Tag {
  icon: IconName | 'dot'
  text: string
  reason: string
  tone: 'plain' | 'preview' | 'stale' | 'bad'
}

/** "Mara's oilskin coat" → "coat": what a person would call it in a tag. */
export function shortName(name: string): string {
  if (name.length <= 14) return name
  const last = name.split(/\s+/).at(-1) ?? name
  return last.length >= 3 ? last : name
}

function pinnedTo(refs: readonly ResolvedRef[]): ResolvedRef | undefined {
  return refs.find((r) => r.policy === 'pinned') ?? refs.flatMap((r) => r.references ?? []).find((r) => r.policy === 'pinned')
}

const WAITING: { [outcome: string]: [IconName, string, Tag['tone']] } = {
  awaiting_approval: ['lock', 'asks first', 'plain'],
  conflict: ['arrow-right-left', 'conflict', 'bad'],
  blocked: ['lock', 'blocked by a rule', 'bad'],
  failed: ['circle-alert', 'failed', 'bad'],
}

export function previewTag(previews: readonly string[]): Tag | null {
  if (previews.length === 0) return null
  const names = previews.map(shortName).join(', ')
  return { icon: 'eye', text: `preview · ${names}`, tone: 'preview', reason: `This shows the draft of ${previews.join(', ')}, which is not published yet.` }
}

/** `now` is asked only where a time is shown, so that only such panels follow the clock. */
export function tagOf(base: Resolved, nameOf: (id: string) => string, now: () => number): Tag | null {
  const last = base.last_outcome
  const source = last?.source === null || last === null ? '' : nameOf(last.source)
  const waiting = last === null ? undefined : WAITING[last.outcome]
  if (last !== null && waiting !== undefined) {
    const lead = last.outcome === 'awaiting_approval' && base.status === 'final' ? 'final · ' : ''
    return { icon: waiting[0], text: `${lead}${waiting[1]}`, tone: waiting[2], reason: last.reason }
  }
  if (base.stale) {
    return { icon: 'dot', text: 'stale', tone: 'stale', reason: base.stale_reasons.join(' ') || 'Something it is built on has moved on.' }
  }
  const pin = pinnedTo(base.references)
  if (last?.outcome === 'pinned' || (pin !== undefined && last?.outcome !== 'updated')) {
    const to = pin === undefined ? `${shortName(source)}` : `${shortName(pin.name)} v${pin.version}`
    return { icon: 'pin', text: `pinned to ${to}`, tone: 'plain', reason: last?.outcome === 'pinned' ? last.reason : `Pinned to ${pin?.name ?? source} v${pin?.version ?? ''}. The newest is v${pin?.latest_version ?? ''}.` }
  }
  if (base.status === 'final') return { icon: 'lock', text: 'final', tone: 'plain', reason: 'This shot is final: changes ask first.' }
  if (base.status === 'omitted') return { icon: 'x', text: 'omitted', tone: 'plain', reason: 'This shot is omitted from the cut.' }
  if (last?.outcome === 'updated' && source !== '') {
    const version = last.source_version === null ? '' : ` v${last.source_version}`
    return { icon: 'check', text: `${shortName(source)}${version} · ${relative(last.at, now())}`, tone: 'plain', reason: last.reason }
  }
  return null
}
