import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import type { ApiVersionsRequest } from '../../protocol/messages/api-versions.ts'
import { anyone } from './access.ts'
import { handle } from './handler.ts'
import type { NodeServices } from './services.ts'

/** KIP-511: names and versions of client software that Kafka accepts. */
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const FIRST_VERSION_WITH_SOFTWARE = 3
/** Below v4 a feature whose lowest level is 0 can't be said (KAFKA-17011). */
const FIRST_VERSION_WITH_ZERO_LEVELS = 4
/** The client doesn't say which node it means. */
const NO_NODE = -1

/** [KIP-1242] Whom the client means, it says with both or not at all. */
const saysHalf = ({ clusterId, nodeId }: ApiVersionsRequest): boolean =>
  (clusterId === null) !== (nodeId === NO_NODE)

/** [KIP-1242] Whether the client means another broker, which was at this address when it last heard of it. */
function meansAnother(
  { clusterId, nodeId }: ApiVersionsRequest,
  { cluster, config }: Pick<NodeServices, 'cluster' | 'config'>,
): boolean {
  if (clusterId === null) return false
  return nodeId !== config.get('node.id') || clusterId !== cluster().clusterId
}

/** What this broker speaks: the handlers' list and the features of the cluster. */
export const apiVersions = handle(ApiVersions, {
  access: anyone(),
  listeners: ['broker', 'controller'],
  beforeAuthentication: true,
}).by((request, { services, version, connection }) => {
  const { clientSoftwareName: name, clientSoftwareVersion: softwareVersion } = request
  if (version >= FIRST_VERSION_WITH_SOFTWARE) {
    const isSoftware = SOFTWARE_PATTERN.test(name) && SOFTWARE_PATTERN.test(softwareVersion)
    if (!isSoftware || saysHalf(request)) {
      return { errorCode: 'INVALID_REQUEST', apiKeys: [] }
    }
    connection.software = { name, version: softwareVersion }
    if (meansAnother(request, services)) {
      return { errorCode: 'REBOOTSTRAP_REQUIRED', apiKeys: [] }
    }
  }
  const { supported, finalized, epoch } = services.features()
  return {
    errorCode: 'NONE',
    apiKeys: connection.listener.apis,
    supportedFeatures: supported.filter(
      ({ minVersion }) => minVersion > 0 || version >= FIRST_VERSION_WITH_ZERO_LEVELS,
    ),
    finalizedFeaturesEpoch: epoch,
    finalizedFeatures: finalized,
  }
})
