interface Node<Value> {
  readonly prefix: string
  readonly value: Value
  /** The longest of the others that this one begins with. */
  parent: Node<Value> | null
}

/**
 * Values by prefixes of names. The prefixes are sorted: of those that a name begins with, the longest is the last one that is
 * not behind the name, or one that this begins with. So finding all of them takes as many steps as the number of prefixes has
 * bits, and one for each that is found.
 */
export class Prefixes<Value> {
  readonly #sorted: Node<Value>[] = []

  get(prefix: string): Value | undefined {
    const node = this.#sorted[this.#behind(prefix) - 1]
    return node?.prefix === prefix ? node.value : undefined
  }

  /** Adds a prefix that is not there yet. */
  add(prefix: string, value: Value): void {
    const at = this.#behind(prefix)
    const node = { prefix, value, parent: this.#longest(at, prefix) }
    for (let index = at; index < this.#sorted.length; index++) {
      const other = this.#sorted[index]!
      if (!other.prefix.startsWith(prefix)) break
      if (other.parent === node.parent) other.parent = node
    }
    this.#sorted.splice(at, 0, node)
  }

  /** Removes one that is there. */
  delete(prefix: string): void {
    const at = this.#behind(prefix) - 1
    const node = this.#sorted[at]!
    for (let index = at + 1; index < this.#sorted.length; index++) {
      const other = this.#sorted[index]!
      if (!other.prefix.startsWith(prefix)) break
      if (other.parent === node) other.parent = node.parent
    }
    this.#sorted.splice(at, 1)
  }

  /** Calls back with the value of each prefix that a name begins with, the longest first, until it gives true. */
  some(name: string, callback: (value: Value) => boolean): boolean {
    let node = this.#longest(this.#behind(name), name)
    while (node !== null) {
      if (callback(node.value)) return true
      node = node.parent
    }
    return false
  }

  /** Where the first one stands that is behind the name. */
  #behind(name: string): number {
    let from = 0
    let to = this.#sorted.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (this.#sorted[middle]!.prefix <= name) from = middle + 1
      else to = middle
    }
    return from
  }

  /** The longest prefix of a name, which is among those before `at`, or what they begin with. */
  #longest(at: number, name: string): Node<Value> | null {
    let node = this.#sorted[at - 1] ?? null
    while (node !== null && !name.startsWith(node.prefix)) node = node.parent
    return node
  }
}
