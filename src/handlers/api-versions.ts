import { ApiVersions } from '../../protocol/messages/api-versions.ts'
import { handle } from './handler.ts'

/** KIP-511: names and versions of client software that Kafka accepts. */
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const FIRST_VERSION_WITH_SOFTWARE = 3
/** Below v4 a feature whose lowest level is 0 can't be said (KAFKA-17011). */
const FIRST_VERSION_WITH_ZERO_LEVELS = 4

/** What this broker speaks: the handlers' list and the features of the cluster. */
export const apiVersions = handle(ApiVersions).by(
  (request, { version, connection, apis, features }) => {
    const { clientSoftwareName: name, clientSoftwareVersion: softwareVersion } = request
    if (version >= FIRST_VERSION_WITH_SOFTWARE) {
      if (!SOFTWARE_PATTERN.test(name) || !SOFTWARE_PATTERN.test(softwareVersion)) {
        return { errorCode: 'INVALID_REQUEST', apiKeys: [] }
      }
      connection.software = { name, version: softwareVersion }
    }
    const { supported, finalized, epoch } = features()
    return {
      errorCode: 'NONE',
      apiKeys: apis(),
      supportedFeatures: supported.filter(
        ({ minVersion }) => minVersion > 0 || version >= FIRST_VERSION_WITH_ZERO_LEVELS,
      ),
      finalizedFeaturesEpoch: epoch,
      finalizedFeatures: finalized,
    }
  },
)
