/** Who is here: a click on somebody goes where they go, until another click. */
import { inkOn } from '../../sketch/colour.ts'
import { whereabouts } from '../../store/following.ts'
import type { Person } from '../../types.ts'
import { Avatar } from '../../ui/bits.tsx'

/** As many as there is room for; the palette has all of them. */
const SHOWN = 6

export interface PeopleProps {
  me: { user: string; name: string; colour: string }
  /** Each of them once. */
  others: readonly Person[]
  /** The user who is followed. */
  following: string | null
  nameOf(id: string): string
  onFollow(user: string): void
}

export function People({ me, others: people, following, nameOf, onFollow }: PeopleProps) {
  const rest = people.slice(SHOWN)
  return (
    <span class="people" role="group" aria-label="Who is here">
      {people.slice(0, SHOWN).map((p) => {
        const name = p.name || p.user
        const on = p.user === following
        const where = whereabouts(p, nameOf)
        return (
          <button key={p.user} type="button" class="avatar" data-person={p.user} aria-pressed={on} aria-label={`Follow ${name}, who ${where}`}
            data-tip={`${name} ${where}. ${on ? 'Click to stop following.' : 'Click to follow.'}`} style={{ background: p.colour, color: inkOn(p.colour) }} onClick={() => onFollow(p.user)}>
            {[...name][0]?.toUpperCase() ?? '·'}
          </button>
        )
      })}
      {rest.length > 0 && <span class="dim more-people" tabIndex={0} role="note" data-tip={rest.map((p) => p.name || p.user).join(', ')}>+{rest.length}</span>}
      <Avatar person={me} here={`${me.name} (you)`} />
    </span>
  )
}

export interface FollowedProps {
  name: string
  colour: string
  /** Not here at the moment. */
  away: boolean
  onStop(): void
}

/** The state in words, and the way out of it. */
export function Followed({ name, colour, away, onStop }: FollowedProps) {
  return (
    <span class="followed" data-following={name} style={{ '--person': colour }}>
      <i class="followed-frame" aria-hidden="true" />
      <span class="followed-words">Following <b><bdi>{name}</bdi></b>{away && <span class="dim">, who is away</span>}</span>
      <button type="button" data-testid="stop-following" onClick={onStop}>Stop<span class="only-read"> following {name}</span> <kbd>Esc</kbd></button>
    </span>
  )
}
