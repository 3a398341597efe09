/** What a panel shows: its picture or its sketch, and in place of it what was there before. */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { describe } from '../../sketch/index.ts'
import type { Panel } from '../../store/shots.ts'
import type { PictureInfo, Resolved } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { Sketch } from './sketch.tsx'

type Cell = ReadonlySignal<Panel>

/** Longer than this, a press is a hold: letting go shows the present again. */
const HOLD = 350

function LiveSketch({ cell, aspect }: { cell: Cell; aspect: number }) {
  const shot = useComputed(() => cell.value.shot)
  return <Sketch shot={shot.value} aspect={aspect} />
}

/** An uploaded picture; the browser takes the thumbnail that its place and its display need. */
function Photo({ picture, label, aspect }: { picture: PictureInfo; label: string; aspect: number }) {
  const sizes = [...Object.entries(picture.thumbnails), [String(picture.width), picture.url]]
  return (
    <img class="photo" src={picture.thumbnails['320'] ?? picture.url} srcset={sizes.map(([width, url]) => `${url} ${width}w`).join(', ')} sizes="auto, 320px"
      width={picture.width} height={picture.height} alt={label} loading="lazy" decoding="async" draggable={false} style={{ aspectRatio: String(aspect) }} />
  )
}

function StalePicture({ picture }: { picture: PictureInfo }) {
  return (
    <span class="over stale-picture" role="note" tabIndex={0} data-stale-picture data-tip={picture.stale_reasons.join(' ') || 'What it shows has changed since.'}>
      <span class="dot" />stale picture
    </span>
  )
}

/** The state before the last change, in place. A new picture is compared with the older one, else sketch with sketch. */
function Before({ before, picture, aspect }: { before: Resolved; picture: PictureInfo | null; aspect: number }) {
  const older = before.picture ?? null
  return (
    <div class="before" data-showing-before>
      {older !== null && older.id !== picture?.id ? <Photo picture={older} label={`Before: ${describe(before)}`} aspect={aspect} /> : <Sketch shot={before} aspect={aspect} place="before" />}
      <span class="over before-mark">Before</span>
    </div>
  )
}

interface ControlProps {
  id: string
  on: boolean
  onShow(on: boolean): void
  onForget(id: string): void
}

/** Shows what was before while it is held, or until it is pressed again. */
function BeforeControl({ id, on, onShow, onForget }: ControlProps) {
  const pressed = useRef(0)
  return (
    <>
      {on && <button type="button" class="over" aria-label={`Dismiss what ${id} looked like before`} data-testid="dismiss-before" onClick={() => onForget(id)}><Icon name="x" size={12} /></button>}
      <button type="button" class="over before-control" aria-pressed={on} data-testid="before" aria-label="Before the last change"
        onPointerDown={(event) => {
          if (event.button !== 0 || on) return
          pressed.current = event.timeStamp
          onShow(true)
        }}
        onClick={(event) => {
          const held = pressed.current === 0 ? 0 : event.timeStamp - pressed.current
          if (pressed.current === 0) onShow(!on)
          else if (held > HOLD) onShow(false)
          pressed.current = 0
        }}
        onPointerLeave={() => {
          if (pressed.current !== 0) onShow(false)
          pressed.current = 0
        }}>
        <Icon name="undo" size={12} /><span class="over-words">Before</span>
      </button>
    </>
  )
}

/** A draft that comes and goes reaches only the sketch; all else here follows what is published. */
export function Look({ id, cell, aspect, onForget }: { id: string; cell: Cell; aspect: number; onForget(id: string): void }) {
  const pictured = useComputed(() => cell.value.base.picture ?? null)
  const former = useComputed(() => cell.value.before)
  const label = useComputed(() => (cell.value.base.picture ? describe(cell.value.shot) : ''))
  const [back, setBack] = useState(false)
  const [sketched, setSketched] = useState(false)
  const picture = pictured.value
  const before = former.value
  const gone = before === undefined
  useEffect(() => {
    if (gone) setBack(false)
  }, [gone])
  const photo = picture !== null && !sketched
  return (
    <div class="panel-look">
      {photo ? <Photo picture={picture} label={label.value} aspect={aspect} /> : <LiveSketch cell={cell} aspect={aspect} />}
      {photo && picture.stale && <StalePicture picture={picture} />}
      {back && before !== undefined && <Before before={before} picture={picture} aspect={aspect} />}
      <div class="look-tools">
        <button type="button" class="over more" aria-haspopup="dialog" aria-label={`More about ${id}`} data-more={id}><Icon name="ellipsis" size={14} /></button>
        {picture !== null && (
          <button type="button" class="over" aria-pressed={sketched} data-testid="sketch" onClick={() => setSketched(!sketched)}>
            <Icon name={sketched ? 'image' : 'pencil'} size={12} /><span class="over-words">Sketch</span>
          </button>
        )}
        {before !== undefined && <BeforeControl id={id} on={back} onShow={setBack} onForget={onForget} />}
      </div>
    </div>
  )
}
