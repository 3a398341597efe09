/** The pictures of a shot or an asset: uploaded by button, paste or drop; stale ones say why. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Picture } from '../../types.ts'
import { Icon } from '../../ui/icon.tsx'
import { memo } from '../../ui/memo.ts'
import { needsServer, reaches } from '../../ui/reach.ts'
import { Time } from '../../ui/time.tsx'

export interface PicturesProps {
  name: string
  pictures: readonly Picture[]
  readonly: boolean
  onUpload(file: Blob): Promise<void>
  onDelete(picture: Picture): void
}

/** The first picture among what was pasted or dropped. */
export function pictureIn(data: DataTransfer | null): File | null {
  return [...(data?.files ?? [])].find((f) => f.type.startsWith('image/')) ?? null
}

function Card({ picture, name, readonly, onDelete }: { picture: Picture; name: string; readonly: boolean; onDelete(picture: Picture): void }) {
  const { url, thumbnails, stale, stale_reasons: reasons, author, created_at: at } = picture
  const small = thumbnails['320'] ?? thumbnails['640'] ?? url
  return (
    <li class="picture" data-picture={picture.id} data-stale={stale ? '' : undefined}>
      <a href={url} target="_blank" rel="noreferrer"><img src={small} {...(thumbnails['640'] === undefined ? {} : { srcset: `${small} 1x, ${thumbnails['640']} 2x` })} alt={name} loading="lazy" /></a>
      <p>
        {stale === true && <span class="tag stale" tabIndex={0} role="note" data-tip={reasons?.join(' ') || 'What it shows has changed since.'}><span class="dot" />stale</span>}
        <span class="dim">{author} {at !== undefined && <Time iso={at} />}</span>
        {!readonly && <button type="button" class="quiet" aria-label="Delete this picture" data-tip="Delete this picture" data-testid="delete-picture" {...needsServer()} onClick={() => onDelete(picture)}><Icon name="trash" size={14} /></button>}
      </p>
    </li>
  )
}

export const Pictures = memo(function Pictures({ name, pictures, readonly, onUpload, onDelete }: PicturesProps) {
  const input = useRef<HTMLInputElement>(null)
  const section = useRef<HTMLElement>(null)
  const [busy, setBusy] = useState(false)
  const upload = useRef<(file: Blob | null | undefined) => void>(() => undefined)
  upload.current = (file) => {
    if (file === null || file === undefined || busy || readonly || !reaches()) return
    setBusy(true)
    void onUpload(file).finally(() => setBusy(false))
  }
  useEffect(() => {
    const aside = section.current?.closest<HTMLElement>('.inspector')
    if (aside === null || aside === undefined) return
    const take = (event: Event, data: DataTransfer | null) => {
      const file = pictureIn(data)
      if (file === null) return
      event.preventDefault()
      upload.current(file)
    }
    // Pasting goes to what is open, wherever the focus is, unless one is writing.
    const onPaste = (event: ClipboardEvent) => {
      if (!(event.target instanceof Element && event.target.closest('[data-panel]') !== null)) take(event, event.clipboardData)
    }
    const onDrop = (event: DragEvent) => take(event, event.dataTransfer)
    document.addEventListener('paste', onPaste)
    aside.addEventListener('drop', onDrop)
    return () => {
      document.removeEventListener('paste', onPaste)
      aside.removeEventListener('drop', onDrop)
    }
  }, [])
  return (
    <section ref={section} aria-labelledby="pictures-head" class="block" data-pictures={pictures.length}>
      <h2 id="pictures-head">Pictures
        {!readonly && <button type="button" class="quiet" {...needsServer(busy)} data-testid="add-picture" onClick={() => input.current?.click()}><Icon name="image-plus" size={14} />{busy ? 'Uploading…' : 'Add'}</button>}
      </h2>
      <input ref={input} type="file" accept="image/*" hidden data-testid="picture-file" onChange={(event) => {
        upload.current(event.currentTarget.files?.[0])
        event.currentTarget.value = ''
      }} />
      {pictures.length === 0 ? <p class="dim">{readonly ? 'No pictures yet.' : 'No pictures yet. Drop or paste one here.'}</p>
        : <ul class="pictures">{pictures.map((p) => <Card key={p.id} picture={p} name={name} readonly={readonly} onDelete={onDelete} />)}</ul>}
    </section>
  )
})
