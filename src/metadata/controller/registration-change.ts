import type { BrokerImage } from '../image.ts'
import type { ControllerFact } from './sessions.ts'

/** The record of what changes of a broker that stays registered. */
export function registrationChange(
  { id: brokerId, epoch: brokerEpoch }: BrokerImage,
  change: {
    readonly fenced?: -1 | 1
    readonly inControlledShutdown?: 1
    readonly logDirs?: string[]
    readonly cordonedLogDirs?: string[]
  },
): ControllerFact {
  const { fenced = 0, inControlledShutdown = 0, logDirs = [], cordonedLogDirs = null } = change
  const withDirectories = cordonedLogDirs === null ? 2 : 3
  const saysDirectories = change.logDirs !== undefined || cordonedLogDirs !== null
  return {
    type: 'BrokerRegistrationChangeRecord',
    // The lowest one that has the fields.
    version: saysDirectories ? withDirectories : inControlledShutdown,
    value: { brokerId, brokerEpoch, fenced, inControlledShutdown, logDirs, cordonedLogDirs },
  }
}
