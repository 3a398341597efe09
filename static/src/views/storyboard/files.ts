/** Pictures that come by paste or by dropping a file on a panel. */
import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { tell } from '../../ui/toasts.ts'

const panelOf = (event: Event) => (event.target instanceof Element ? event.target.closest<HTMLElement>('[data-panel]') : null)

const imageIn = (files: FileList | undefined) => [...(files ?? [])].find((file) => file.type.startsWith('image/'))

export function useFiles(root: RefObject<HTMLElement | null>, onPicture: ((shot: string, file: File) => void) | null): void {
  const latest = useRef(onPicture)
  latest.current = onPicture
  useEffect(() => {
    const at = root.current
    if (at === null) return undefined
    let over: HTMLElement | null = null
    const mark = (panel: HTMLElement | null) => {
      if (over === panel) return
      if (over !== null) delete over.dataset['drop']
      if (panel !== null) panel.dataset['drop'] = ''
      over = panel
    }
    const give = (event: Event, panel: HTMLElement, files: FileList | undefined) => {
      const shot = panel.dataset['panel']
      const file = imageIn(files)
      event.preventDefault()
      event.stopPropagation()
      if (file === undefined) tell('That is not an image.', 'A panel takes PNG, JPEG, WebP and GIF.')
      else if (shot !== undefined) latest.current?.(shot, file)
    }
    const paste = (event: ClipboardEvent) => {
      const panel = panelOf(event)
      const files = event.clipboardData?.files
      if (panel !== null && latest.current !== null && files !== undefined && files.length > 0) give(event, panel, files)
    }
    const dragOver = (event: DragEvent) => {
      const panel = latest.current !== null && event.dataTransfer?.types.includes('Files') === true ? panelOf(event) : null
      mark(panel)
      if (panel === null) return
      event.preventDefault()
      event.stopPropagation()
    }
    const drop = (event: DragEvent) => {
      const panel = over
      mark(null)
      if (panel !== null) give(event, panel, event.dataTransfer?.files)
    }
    const leave = (event: DragEvent) => {
      if (!(event.relatedTarget instanceof Node) || !at.contains(event.relatedTarget)) mark(null)
    }
    at.addEventListener('paste', paste)
    at.addEventListener('dragover', dragOver)
    at.addEventListener('dragleave', leave)
    at.addEventListener('drop', drop)
    return () => {
      at.removeEventListener('paste', paste)
      at.removeEventListener('dragover', dragOver)
      at.removeEventListener('dragleave', leave)
      at.removeEventListener('drop', drop)
    }
  }, [root])
}
