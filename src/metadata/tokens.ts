import type { MetadataRecord } from '../../protocol/state/metadata-records.ts'
import type { MetadataImage } from './image.ts'

/** A delegation token; its secret is worked out of its id. Principals have their type before them: `User:alice`. */
export type TokenRecord = Extract<MetadataRecord, { type: 'DelegationTokenRecord' }>['value']

/** Where a delegation token is among the image's other records. */
export function tokenKey(tokenId: string): string {
  return `token ${tokenId}`
}

export function tokenRecordOf(image: MetadataImage, tokenId: string): TokenRecord | null {
  const record = image.others.get(tokenKey(tokenId))
  return record?.type === 'DelegationTokenRecord' ? record.value : null
}

export function* tokenRecords(image: MetadataImage): IterableIterator<TokenRecord> {
  for (const record of image.others.values()) {
    if (record.type === 'DelegationTokenRecord') yield record.value
  }
}

/** @param nowMs by the wall clock */
export function isTokenOver(token: TokenRecord, nowMs: number): boolean {
  return token.maxTimestamp < nowMs || token.expirationTimestamp < nowMs
}
