import type { MetadataFact } from '../facts.ts'
import type { ControllerCommands, ControllerRegistration } from './commands.ts'
import { SUCCESS } from './outcome.ts'

/** ControllerRegistration (KIP-919): takes note of where a controller listens, and of the features that it knows. */
export function registerController({
  controllerId,
  incarnationId,
  endPoints,
  features,
}: ControllerRegistration): {
  readonly facts: MetadataFact[]
  readonly reply: ControllerCommands['registerController']['reply']
} {
  const fact: MetadataFact = {
    type: 'RegisterControllerRecord',
    version: 0,
    value: {
      controllerId,
      incarnationId,
      zkMigrationReady: false,
      endPoints: endPoints.map((endPoint) => ({ ...endPoint })),
      features: features.map((feature) => ({ ...feature })),
    },
  }
  return { facts: [fact], reply: SUCCESS }
}
