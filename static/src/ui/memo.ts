/** A view that is drawn again only when one of its own inputs is another one. */
import { type ComponentChild, Component, type FunctionComponent, h } from 'preact'

/** Are two sets of inputs the same, one by one? */
export function sameInputs(a: object, b: object): boolean {
  const [left, right] = [a as { [key: string]: unknown }, b as { [key: string]: unknown }]
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && left[key] === right[key])
}

export function memo<P extends object>(View: FunctionComponent<P>) {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return !sameInputs(this.props, next)
    }

    override render(): ComponentChild {
      return h(View, this.props)
    }
  }
}
