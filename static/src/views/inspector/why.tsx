/** Why it looks like this: each reference with the version it shows and why, what it is behind, and what runs did. */
import type { Json, Kind, LastOutcome, Story, StoryReference } from '../../types.ts'
import { count, Value } from '../../ui/bits.tsx'
import { Icon, iconName } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { hrefOf } from '../../ui/router.ts'
import { Time } from '../../ui/time.tsx'

const WORDS: { [outcome: string]: string } = { awaiting_approval: 'Waits for approval', updated: 'Updated', unchanged: 'Unchanged', pinned: 'Stayed, it is pinned', stale: 'Marked stale', blocked: 'Held back by a rule', conflict: 'In conflict', failed: 'Failed', notified: 'Told' }
const wordOf = (outcome: string) => WORDS[outcome] ?? outcome.replaceAll('_', ' ')

/** A reference that follows and has nothing to tell: one line names all of those. */
export const isQuiet = (r: StoryReference) => r.policy === 'latest' && r.behind === null && r.overrides.length === 0 && r.since?.how !== 'run'

/** More than a line of text: what it says stands in the fields. */
const isLong = (value: Json) => typeof value === 'string' && value.length > 40

const HELD = 'follows the latest version: '

function Told({ reference: r, kind, labelOf }: { reference: StoryReference; kind: Kind | undefined; labelOf: WhyProps['labelOf'] }) {
  return (
    <li data-story={r.id}>
      <a href={hrefOf(r.source)} class="link" data-kind={r.kind}><Icon name={iconName(kind?.icon ?? 'box')} size={14} /><span class="link-name" dir="auto">{r.name}</span> <span class="mono dim">v{r.version}</span></a>
      <p class="told" dir="auto">{r.why.startsWith(HELD) ? r.why.slice(HELD.length) : r.why}{r.since !== null && <span class="dim"> · <Time iso={r.since.at} /></span>}</p>
      {r.behind !== null && <p class="told" data-behind={r.behind.verdict ?? r.policy}>{r.policy !== 'pinned' && <span class="dot" />}{r.behind.why}</p>}
      {r.overrides.map((o) => <p class="told" key={o.field}>{labelOf(r.kind, o.field)} is overridden here{!isLong(o.value) && !isLong(o.instead_of) && <>: <Value value={o.value} /> instead of <Value value={o.instead_of} /></>}</p>)}
    </li>
  )
}

export interface WhyProps {
  last: LastOutcome | null
  stale: boolean
  reasons: string
  prompt: string
  hash: string
  /** Null until it was read. */
  story: Story | null
  labelOf(kind: string, field: string): string
  kindOf(name: string): Kind | undefined
  nameOf(id: string): string
}

export const Why = memo(function Why({ last, stale, reasons, prompt, hash, story, labelOf, kindOf, nameOf }: WhyProps) {
  const references = story?.references ?? []
  const quiet = references.filter(isQuiet)
  const rest = references.filter((r) => !isQuiet(r))
  const earlier = story?.outcomes.slice(1) ?? []
  return (
    <section class="block" aria-labelledby="why-head" data-why-section>
      <h2 id="why-head">Why it looks like this
        <span class="state mono dim" data-tip="Two states with the same number look the same. Every view and the API name this one."><span class="only-read">, state </span><span data-state={hash}>{hash.slice(0, 8)}</span></span>
      </h2>
      {stale && <p><span class="tag stale"><span class="dot" />stale</span> {reasons || 'Something it is built on has moved on.'}</p>}
      {last === null ? <p class="dim">No change has reached it yet.</p> : (
        <p><b>{wordOf(last.outcome)}</b>{last.source !== null && !last.reason.includes(nameOf(last.source)) && <> because of <bdi>{nameOf(last.source)}</bdi>{last.source_version === null ? '' : ` v${last.source_version}`}</>}: {last.reason} <span class="dim"><Time iso={last.at} /></span></p>
      )}
      {rest.length > 0 && <ul class="story">{rest.map((r) => <Told key={r.id} reference={r} kind={kindOf(r.kind)} labelOf={labelOf} />)}</ul>}
      {quiet.length > 0 && <p class="told dim" data-quiet={quiet.length}>{rest.length > 0 ? 'The rest follows' : 'It follows'} the latest version: {quiet.map((r) => r.name).join(', ')}.</p>}
      {(story?.more_references ?? 0) > 0 && <p class="dim">And {count(story?.more_references ?? 0, 'more reference')}.</p>}
      {earlier.length > 0 && (
        <details data-earlier={earlier.length}>
          <summary>{count(earlier.length, 'earlier change')}</summary>
          <ol class="story">{earlier.map((o) => <li key={o.run_id}><p class="told"><b>{wordOf(o.outcome)}</b>: {o.reason}{o.message !== '' && <> (“<bdi>{o.message}</bdi>”)</>} <span class="dim">· {o.author} · <Time iso={o.at} /></span></p></li>)}</ol>
        </details>
      )}
      {prompt !== '' && <details><summary>Prompt</summary><p class="prompt" dir="auto">{prompt}</p></details>}
    </section>
  )
})
