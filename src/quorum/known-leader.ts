import { sameAddress, type Address } from '../host/address.ts'

/** The leader as a node knows it. */
export interface KnownLeader {
  readonly id: number
  /** Of its controller listener; null where nobody has said. */
  readonly address: Address | null
}

export function sameLeader(left: KnownLeader | null, right: KnownLeader | null): boolean {
  if (left === null || right === null) return left === right
  if (left.id !== right.id) return false
  const { address: one } = left
  const { address: other } = right
  return one === null || other === null ? one === other : sameAddress(one, other)
}
