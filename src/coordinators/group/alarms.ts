/** What an alarm of the group coordinator is about. */
export type GroupAlarm =
  /** A member was not heard of for its session time-out. */
  | { readonly kind: 'session'; readonly groupId: string; readonly memberId: string }
  /** The time is up for members to join, or for the first rebalance to wait. */
  | { readonly kind: 'join'; readonly groupId: string }
  /** The time is up for members to ask for their assignments. */
  | { readonly kind: 'sync'; readonly groupId: string }
  /** Expired offsets are to be looked for. */
  | { readonly kind: 'expiry' }

export const EXPIRY_ALARM = 'expiry'

export function sessionAlarm(groupId: string, memberId: string): string {
  // The length tells the two apart, whatever characters they have.
  return `session ${groupId.length} ${groupId} ${memberId}`
}

export function joinAlarm(groupId: string): string {
  return `join ${groupId}`
}

export function syncAlarm(groupId: string): string {
  return `sync ${groupId}`
}

export function parseAlarm(name: string): GroupAlarm {
  const kindEnd = name.indexOf(' ')
  if (kindEnd < 0) return { kind: 'expiry' }
  const kind = name.slice(0, kindEnd)
  const rest = name.slice(kindEnd + 1)
  if (kind !== 'session') return { kind: kind as 'join' | 'sync', groupId: rest }
  const lengthEnd = rest.indexOf(' ')
  const groupEnd = lengthEnd + 1 + Number(rest.slice(0, lengthEnd))
  return {
    kind,
    groupId: rest.slice(lengthEnd + 1, groupEnd),
    memberId: rest.slice(groupEnd + 1),
  }
}
