/** Which elements are on screen, and which are near enough to be worth drawing. */
type Seen = (visible: boolean) => void

function watcher(rootMargin: string) {
  const calls = new Map<Element, Seen>()
  let observer: IntersectionObserver | null = null
  return (element: Element, then: Seen): (() => void) => {
    observer ??= new IntersectionObserver((entries) => {
      for (const entry of entries) calls.get(entry.target)?.(entry.isIntersecting)
    }, { rootMargin })
    calls.set(element, then)
    observer.observe(element)
    return () => {
      calls.delete(element)
      observer?.unobserve(element)
    }
  }
}

export const whenNear = watcher('800px 0px')
export const whenOnScreen = watcher('0px')
