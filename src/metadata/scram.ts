import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { MetadataImage } from './image.ts'

export type ScramRecord = Extract<MetadataRecord, { type: 'UserScramCredentialRecord' }>['value']

/** Where a user's credential is among the image's other records. */
export function scramKey(mechanism: number, user: string): string {
  return `scram ${mechanism} ${user}`
}

/** What is known of a user for a mechanism, by Kafka's number; null: nothing. */
export function scramRecordOf(
  image: MetadataImage,
  mechanism: number,
  user: string,
): ScramRecord | null {
  const record = image.others.get(scramKey(mechanism, user))
  return record?.type === 'UserScramCredentialRecord' ? record.value : null
}

/** Each user with the mechanisms that it can authenticate by. */
export function scramUsers(
  image: MetadataImage,
): ReadonlyMap<string, readonly { readonly mechanism: number; readonly iterations: number }[]> {
  const users = new Map<string, { mechanism: number; iterations: number }[]>()
  for (const record of image.others.values()) {
    if (record.type !== 'UserScramCredentialRecord') continue
    const { name, mechanism, iterations } = record.value
    const known = users.get(name)
    if (known === undefined) users.set(name, [{ mechanism, iterations }])
    else known.push({ mechanism, iterations })
  }
  return users
}
