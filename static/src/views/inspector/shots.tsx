/** The shots that hang on a scene or a sequence: small pictures with a way to each. */
import type { ReadonlySignal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Panel } from '../../store/shots.ts'
import type { ResolvedRef } from '../../types.ts'
import { count } from '../../ui/bits.tsx'
import { memo } from '../../ui/memo.ts'
import { whenNear } from '../../ui/nearby.ts'
import { hrefOf } from '../../ui/router.ts'
import { Sketch } from '../storyboard/sketch.tsx'

const SHOWN = 24

function Still({ cell, aspect }: { cell: ReadonlySignal<Panel>; aspect: number }) {
  return <Sketch shot={cell.value.shot} aspect={aspect} place="hangs" />
}

function Small({ shot, cell, aspect }: { shot: ResolvedRef; cell: ReadonlySignal<Panel> | undefined; aspect: number }) {
  const element = useRef<HTMLLIElement>(null)
  const [near, setNear] = useState(false)
  useEffect(() => (near || element.current === null ? undefined : whenNear(element.current, (is) => is && setNear(true))), [near])
  return (
    <li ref={element} data-hangs={shot.source}>
      <a href={hrefOf(shot.source)}>
        {near && cell !== undefined ? <Still cell={cell} aspect={aspect} /> : <span class="sketch" style={{ aspectRatio: String(aspect) }} />}
        <span class="hanging-name" dir="auto">{shot.name}</span>
      </a>
    </li>
  )
}

export interface ShotsProps {
  shots: readonly ResolvedRef[]
  aspect: number
  cellOf(id: string): ReadonlySignal<Panel> | undefined
}

export const Shots = memo(function Shots({ shots, aspect, cellOf }: ShotsProps) {
  const [all, setAll] = useState(false)
  return (
    <section class="block" aria-labelledby="shots-head" data-shots={shots.length}>
      <h2 id="shots-head">{shots.length === 0 ? 'Shots' : count(shots.length, 'shot')}</h2>
      {shots.length === 0 && <p class="dim">No shot hangs on this yet.</p>}
      <ul class="hanging">{(all ? shots : shots.slice(0, SHOWN)).map((shot) => <Small key={shot.id} shot={shot} cell={cellOf(shot.source)} aspect={aspect} />)}</ul>
      {!all && shots.length > SHOWN && <button type="button" onClick={() => setAll(true)}>Show all {shots.length}</button>}
    </section>
  )
})
