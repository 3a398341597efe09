/** One floating tip for everything that has `data-tip`: on hover and on keyboard focus. */
let tip: HTMLElement | null = null
let shown: Element | null = null

function show(target: Element): void {
  const text = target.getAttribute('data-tip')
  if (tip === null || text === null || text === '') return
  shown = target
  tip.textContent = text
  tip.hidden = false
  target.setAttribute('aria-describedby', tip.id)
  const at = target.getBoundingClientRect()
  const { width, height } = tip.getBoundingClientRect()
  const left = Math.max(8, Math.min(innerWidth - width - 8, at.left + at.width / 2 - width / 2))
  const above = at.top - height - 6
  tip.style.left = `${left}px`
  tip.style.top = `${above > 8 ? above : at.bottom + 6}px`
}

/** For what has the keyboard's attention without the focus. */
export const showTip = show

function hide(): void {
  shown?.removeAttribute('aria-describedby')
  shown = null
  if (tip !== null) tip.hidden = true
}

const tipped = (event: Event) => (event.target instanceof Element ? event.target.closest('[data-tip]') : null)

export function startTips(): void {
  tip = document.createElement('div')
  tip.id = 'tip'
  tip.className = 'tip'
  tip.setAttribute('role', 'tooltip')
  tip.hidden = true
  document.body.append(tip)
  document.addEventListener('pointerover', (event) => {
    const target = tipped(event)
    if (target === shown) return
    hide()
    if (target !== null) show(target)
  })
  document.addEventListener('focusin', (event) => {
    const target = tipped(event)
    if (target !== null && target.matches(':focus-visible')) show(target)
  })
  document.addEventListener('focusout', hide)
  document.addEventListener('pointerdown', hide)
  document.addEventListener('scroll', hide, { capture: true, passive: true })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') hide()
  })
}
