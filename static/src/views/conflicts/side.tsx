/** One side of a conflict, as its field would be. */
import type { Choice, Conflict } from '../../api/conflicts.ts'
import type { Json } from '../../types.ts'
import { Value } from '../../ui/bits.tsx'
import { Icon, iconName } from '../../ui/icon.tsx'
import { needsServer } from '../../ui/reach.ts'
import { labelOf } from '../inspector/fields.tsx'
import { Words } from '../inspector/history.tsx'
import { BACK, isReference, SIDES, standsNow, takeable, TAKE, wordSteps } from './words.ts'

export interface SideTools {
  nameOf(id: string): string
  iconOf(id: string): string
}

function Built({ value, other, nameOf, iconOf }: { value: Json; other: Json } & SideTools) {
  if (!isReference(value)) return <p class="dim">Not built on it</p>
  const before = isReference(other) ? other : null
  const names = [...new Set([...Object.keys(value.overrides), ...Object.keys(before?.overrides ?? {})])]
  return (
    <>
      <p class="side-reference"><Icon name={iconName(iconOf(value.source))} size={14} /><bdi>{nameOf(value.source)}</bdi> <span class="mono dim">v{value.version}</span> <span class="dim">{value.policy}</span></p>
      {names.map((name) => {
        const kept = value.overrides[name] ?? null
        return <p key={name}><b>{labelOf(name)}</b> {kept === null ? <span class="dim">follows</span> : <>overridden: <Value value={kept} /></>}</p>
      })}
    </>
  )
}

function Text({ base, value }: { base: Json; value: string }) {
  const steps = typeof base === 'string' && base !== '' ? wordSteps(base, value) : null
  return <p class="side-text" dir="auto">{steps === null ? value : <Words words={steps} />}</p>
}

export function SideValue({ one, value, nameOf, iconOf }: { one: Conflict; value: Json } & SideTools) {
  if (one.field === '@references') return <Built value={value} other={value === one.ours ? one.theirs : one.ours} nameOf={nameOf} iconOf={iconOf} />
  if (one.field === '@approved') return <p>{value === null ? <span class="dim">None</span> : <span class="mono">v{String(value)}</span>}</p>
  if (one.field === '@deleted') return <p>{value === one.ours ? 'Stays deleted' : 'Comes back'}</p>
  if (typeof value === 'string' && (one.field_type === 'prose' || value.length > 60)) return <Text base={one.base} value={value} />
  return <p class="side-value"><Value value={value} /></p>
}

export interface SideProps extends SideTools {
  one: Conflict
  choice: Choice
  busy: boolean
  mayDecide: boolean
  onTake(): void
}

/** Whose it is, what it is, whether it stands now, and the button that takes it. */
export function Side({ one, choice, busy, mayDecide, onTake, ...tools }: SideProps) {
  const value = one[choice]
  const by = choice === 'ours' ? one.ours_by : choice === 'theirs' ? one.theirs_by : ''
  const stands = standsNow(one, choice)
  return (
    <div class="side" data-conflict-side={choice} data-stands={stands ? '' : undefined}>
      <p class="side-head"><b>{SIDES[choice]}</b>{by !== '' && <span class="dim"><bdi>{by}</bdi></span>}{stands && <span class="tag"><Icon name="check" size={12} />stands now</span>}</p>
      <div class="side-what"><SideValue one={one} value={value} {...tools} /></div>
      {mayDecide && takeable(one).includes(choice) && <button type="button" tabIndex={-1} data-choice={choice} {...needsServer(busy)} onClick={onTake}>{(one.automatic ? BACK : TAKE)[choice]}<kbd aria-hidden="true">{choice[0]?.toUpperCase()}</kbd></button>}
    </div>
  )
}
