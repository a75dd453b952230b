import type { MetadataFact } from '../facts.ts'
import type { ControllerCommands, ControllerRegistration } from './commands.ts'
import { knowsEndsOfControllers } from '../features.ts'
import type { Decided } from './outcome.ts'
import { outcomeOf, Refusal, SUCCESS } from './outcome.ts'
import type { ControllerView } from './view.ts'

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

/**
 * UnregisterController (KIP-1312): forgets a controller, which nothing waits for any more, such as an upgrade of a feature. One
 * that still runs registers again; whether it votes is another matter.
 */
export function unregisterController(
  { image, nodeId }: Pick<ControllerView, 'image' | 'nodeId'>,
  controllerId: number,
): Decided<ControllerCommands['unregisterController']['reply']> {
  const facts: MetadataFact[] = []
  const reply = outcomeOf(() => {
    if (controllerId === nodeId) {
      return new Refusal('INVALID_REQUEST', `Controller ${controllerId} is the active one`)
    }
    if (!knowsEndsOfControllers(image.features)) {
      const what =
        'The metadata.version of this cluster has no end of a registration: raise it to 33'
      return new Refusal('UNSUPPORTED_VERSION', what)
    }
    if (!image.controllers.has(controllerId)) {
      const what = `Controller ${controllerId} is not registered`
      return new Refusal('CONTROLLER_ID_NOT_REGISTERED', what)
    }
    facts.push({ type: 'UnregisterControllerRecord', version: 0, value: { controllerId } })
    return SUCCESS
  })
  return { facts, reply }
}
