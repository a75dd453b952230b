import type { Logger } from '../../host/host.ts'
import type { Damage } from './damage.ts'

/** So many damaged places of a segment are remembered, and told. */
const REMEMBERED_DAMAGES = 100

/** Where a segment is known to be damaged. The log is told of each place once. */
export class KnownDamage {
  readonly #log: Pick<Logger, 'error'>
  readonly #pathOf: () => string
  #damages: Damage[] = []
  readonly #told = new Set<number>()

  /** @param pathOf where the file is now */
  constructor(log: Pick<Logger, 'error'>, pathOf: () => string) {
    this.#log = log
    this.#pathOf = pathOf
  }

  note(damage: Damage): void {
    if (this.#damages.length < REMEMBERED_DAMAGES && !this.#damages.some(sameAs(damage)))
      this.#damages.push(damage)
    if (this.#told.has(damage.position) || this.#told.size === REMEMBERED_DAMAGES) return
    this.#told.add(damage.position)
    this.#tell(damage)
  }

  #tell({ position, fromOffset, toOffset, endPosition }: Damage): void {
    const path = this.#pathOf()
    const offsets =
      toOffset === Infinity ? `offset ${fromOffset} on` : `${fromOffset} to ${toOffset - 1}`
    this.#log.error(
      { path, position, endPosition, fromOffset, toOffset },
      `${path} is damaged from position ${position} to ${endPosition}: the records of ${offsets} can't be read. Restore them from a replica, or have consumers seek past them`,
    )
  }

  /**
   * The damage that an offset is in; null where none is known. Damage to the file's end is known for as long as nothing was
   * written behind it.
   */
  at(offset: number, sizeBytes: number): Damage | null {
    const holds = ({ fromOffset, toOffset, endPosition }: Damage): boolean =>
      (toOffset !== Infinity || endPosition === sizeBytes) &&
      offset >= fromOffset &&
      offset < toOffset
    return this.#damages.find(holds) ?? null
  }

  /** The file ends at this position from now on. */
  cutAt(position: number): void {
    this.#damages = this.#damages.filter(({ endPosition }) => endPosition < position)
  }
}

const sameAs = (one: Damage) => (other: Damage) =>
  one.position === other.position && one.endPosition === other.endPosition
