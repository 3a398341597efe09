/** A file dropped anywhere on the page, or chosen by a button. */
import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { formatOf, type ImportFile, LARGEST } from '../../store/importing.ts'
import { Icon } from '../../ui/icon.tsx'
import { tell } from '../../ui/toasts.ts'

const asked = signal(0)

/** Opens the browser's choice of a file. */
export const chooseFile = () => {
  asked.value += 1
}

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true

async function read(file: File): Promise<ImportFile | null> {
  if (file.type.startsWith('image/')) {
    tell('A picture belongs to a shot or an asset.', 'Open one, then drop the picture on the inspector.')
    return null
  }
  if (file.size > LARGEST) {
    tell(`${file.name} is too large to be a production or a screenplay.`, 'Nothing was read.')
    return null
  }
  const text = await file.text()
  return { name: file.name, file, text, format: formatOf(text) }
}

export function FileDrop({ onFile }: { onFile(file: ImportFile): void }) {
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const latest = useRef(onFile)
  latest.current = onFile
  const take = (file: File | null | undefined) => {
    if (file === null || file === undefined) return
    read(file).then((found) => found !== null && latest.current(found), () => tell(`${file.name} cannot be read.`, 'Nothing was changed. Choose it again.'))
  }
  useLayoutEffect(() => {
    // Leaving one element for another inside fires both events; the last one out has no next one.
    const onOver = (event: DragEvent) => {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    }
    const onLeave = (event: DragEvent) => event.relatedTarget === null && setOver(false)
    const onDrop = (event: DragEvent) => {
      setOver(false)
      if (event.defaultPrevented || !hasFiles(event)) return
      event.preventDefault()
      take(event.dataTransfer?.files[0])
    }
    document.addEventListener('dragover', onOver)
    document.addEventListener('dragleave', onLeave)
    document.addEventListener('drop', onDrop)
    return () => {
      document.removeEventListener('dragover', onOver)
      document.removeEventListener('dragleave', onLeave)
      document.removeEventListener('drop', onDrop)
    }
  }, [])
  useLayoutEffect(() => asked.subscribe((n) => n > 0 && input.current?.click()), [])
  useEffect(() => () => {
    asked.value = 0
  }, [])
  return (
    <>
      <input ref={input} type="file" accept=".json,.fountain,.spmd,.txt,application/json,text/plain" hidden data-testid="import-file" onChange={(event) => {
        take(event.currentTarget.files?.[0])
        event.currentTarget.value = ''
      }} />
      {over && <div class="drop-here" aria-hidden="true"><p><Icon name="upload" size={24} />Drop it to see what it would change</p></div>}
    </>
  )
}
