/** A shot's prompt: the text that describes its picture, to read and to copy. */
import { useState } from 'preact/hooks'
import { Icon } from '../../ui/icon.tsx'
import { tell } from '../../ui/toasts.ts'

export async function copyPrompt(id: string, prompt: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(prompt)
    tell(`The prompt of ${id} is copied.`)
  } catch {
    tell('The browser does not let the page copy here.', 'Select the text and copy it yourself.')
  }
}

export function CopyPrompt({ id, prompt }: { id: string; prompt: string }) {
  return (
    <button type="button" class="quiet small" data-testid="copy-prompt" aria-label={`Copy the prompt of ${id}`} onClick={() => void copyPrompt(id, prompt)}>
      <Icon name="copy" size={12} />Copy
    </button>
  )
}

/** Beneath a large panel: a few lines, and all of it on demand. */
export function PanelPrompt({ id, prompt }: { id: string; prompt: string }) {
  const [open, setOpen] = useState(false)
  if (prompt === '') return null
  return (
    <div class="panel-prompt" data-prompt>
      <p class={open ? '' : 'clamped'} dir="auto">{prompt}</p>
      <div class="actions">
        <button type="button" class="quiet small" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Less of the prompt' : 'Whole prompt'}</button>
        <CopyPrompt id={id} prompt={prompt} />
      </div>
    </div>
  )
}
