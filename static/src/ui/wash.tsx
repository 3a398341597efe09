/** The soft wash over what changed: an element of its own, so that showing it again makes nothing else anew. */
export function Wash({ count }: { count: number }) {
  return count > 0 ? <span class="wash-veil" key={count} aria-hidden="true" /> : null
}
