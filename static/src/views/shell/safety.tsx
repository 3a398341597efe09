/** Above the view: what of one's edits is not safe yet, and why. */
import type { LiveState } from '../../live/channel.ts'
import { count } from '../../ui/bits.tsx'

export interface SafetyProps {
  live: LiveState
  refusal: string
  unsent: number
  /** These waited while the connection was gone. */
  behind: boolean
  stalled: boolean
  /** Names of what has an edit that the server did not take. */
  rejected: readonly string[]
  /** One could change things here until a moment ago. */
  demoted: boolean
  /** The login ends soon. */
  ending: boolean
  onLogIn(): void
}

interface Word {
  /** Also what is read out; it changes with the state and not with every letter. */
  what: string
  rest: string
  bad?: boolean
  /** What can be done about it. */
  action?: string
  hook: object
}

const waits = (unsent: number) => `${count(unsent, 'change')} ${unsent === 1 ? 'waits' : 'wait'} here`

/** Null where everything is as it should be. */
export function wordOf({ live, refusal, unsent, behind, stalled, rejected, demoted, ending }: Omit<SafetyProps, 'onLogIn'>): Word | null {
  if (live === 'refused') {
    return { what: `The live connection is refused: ${refusal}`, rest: `What is shown may be old.${unsent === 0 ? '' : ` ${waits(unsent)}, unsent.`}`, bad: true, hook: { 'data-refused': unsent } }
  }
  if (live === 'offline') {
    const rest = unsent === 0 ? 'Fields and texts can be edited, and are sent later.' : `${waits(unsent)} and will be sent when the connection is back.`
    return { what: 'Offline.', rest: `${rest} Everything else waits; what others do is not shown.`, hook: { 'data-offline': unsent } }
  }
  if (rejected.length > 0) {
    return { what: `The server did not take a change to ${rejected.join(', ')}.`, rest: 'It may be too large, or not allowed any more. It is on this page only: copy what you need, then reload.', bad: true, hook: { 'data-rejected': rejected.length } }
  }
  if (ending) {
    return { what: 'Your login ends in less than half a minute.', rest: `Log in again to go on without a break.${unsent === 0 ? '' : ' Nothing that you typed is lost.'}`, action: 'Log in again', hook: { 'data-ending': '' } }
  }
  if (stalled && unsent > 0) {
    return { what: 'Not saved yet.', rest: `The server does not confirm what you change; its disk may be full. ${waits(unsent)} and will be saved as soon as it can: keep this page open.`, bad: true, hook: { 'data-unsaved': unsent } }
  }
  if (behind && unsent > 0) return { what: 'Back online.', rest: `Sending ${count(unsent, 'change')}…`, hook: { 'data-sending': unsent } }
  if (demoted) return { what: 'You may only look now.', rest: 'Your role in this project was changed to viewer. An owner of it can change it back.', hook: { 'data-demoted': '' } }
  return null
}

export function Safety(props: SafetyProps) {
  const word = wordOf(props)
  return (
    <>
      <p class="only-read" role="status">{word?.what ?? ''}</p>
      {word !== null && <p class={word.bad === true ? 'banner bad' : 'banner'} {...word.hook}><b>{word.what}</b> {word.rest}{word.action !== undefined && <> <button type="button" data-testid="log-in-again" onClick={props.onLogIn}>{word.action}</button></>}</p>}
    </>
  )
}
