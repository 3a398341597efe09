/** What a person chose for this browser: theme, row height, the inspector's width. */
import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
export type Density = 'compact' | 'comfortable'
/** What shots stand under, in both views. */
export type Grouping = 'sequence' | 'scene'

function read(key: string): string | null {
  try {
    return localStorage.getItem(`ripplecut.${key}`)
  } catch {
    return null
  }
}

function stored<T extends string>(key: string, options: readonly T[], otherwise: T): T {
  const value = read(key)
  return options.find((o) => o === value) ?? otherwise
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`ripplecut.${key}`, value)
  } catch {
    // A browser that stores nothing still works; it only forgets.
  }
}

export const theme = signal<Theme>(stored('theme', ['system', 'light', 'dark'], 'system'))
export const density = signal<Density>(stored('density', ['compact', 'comfortable'], 'compact'))
export const grouping = signal<Grouping>(stored('grouping', ['sequence', 'scene'], 'sequence'))

/** How wide a panel of the storyboard is at least, in pixels. */
export const PANEL = { least: 120, most: 640, step: 20, usual: 260 }
const WIDTHS = Array.from({ length: (PANEL.most - PANEL.least) / PANEL.step + 1 }, (_, i) => String(PANEL.least + i * PANEL.step))
export const panelSize = signal(Number(stored('panel', WIDTHS, String(PANEL.usual))))

/** Pixels. */
export const INSPECTOR = { least: 360, most: 560, usual: 400 }

export const withinInspector = (width: number) => (Number.isFinite(width) ? Math.round(Math.min(INSPECTOR.most, Math.max(INSPECTOR.least, width))) : INSPECTOR.usual)

export const inspectorWidth = signal(withinInspector(Number(read('inspector') ?? Number.NaN)))

/** What was last jumped to or done in the palette, newest first. */
export function recent(scope: string): string[] {
  try {
    const ids: unknown = JSON.parse(read(`recent.${scope}`) ?? '[]')
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}

export function remember(scope: string, id: string): void {
  keep(`recent.${scope}`, JSON.stringify([id, ...recent(scope).filter((one) => one !== id)].slice(0, 12)))
}

export function startPreferences(): void {
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value
    keep('theme', theme.value)
  })
  effect(() => keep('density', density.value))
  effect(() => keep('grouping', grouping.value))
  effect(() => keep('panel', String(panelSize.value)))
  effect(() => {
    document.documentElement.style.setProperty('--inspector', `${inspectorWidth.value}px`)
    keep('inspector', String(inspectorWidth.value))
  })
}
