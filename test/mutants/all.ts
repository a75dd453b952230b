import { mutants as bin } from './bin.ts'
import { mutants as localClusters } from './bin-cluster.ts'
import { mutants as quotaCommand } from './bin-quotas.ts'
import { mutants as reassign } from './bin-reassign.ts'
import { mutants as clientSecurity } from './bin-security.ts'
import { mutants as storage } from './bin-storage.ts'
import { mutants as tokens } from './bin-tokens.ts'
import { mutants as users } from './bin-users.ts'
import { mutants as broker } from './broker.ts'
import { mutants as config } from './config.ts'
import { mutants as configStart } from './config-start.ts'
import { mutants as controller } from './controller.ts'
import { mutants as coordinators } from './coordinators.ts'
import { mutants as coordinatorsTransactions } from './coordinators-transactions.ts'
import { mutants as evidence } from './controller-evidence.ts'
import * as forming from './forming.ts'
import { mutants as handlers } from './handlers.ts'
import { mutants as access } from './handlers-access.ts'
import { mutants as handlersController } from './handlers-controller.ts'
import { mutants as handlersGroups } from './handlers-groups.ts'
import { mutants as handlersTransactions } from './handlers-transactions.ts'
import { mutants as turns } from './handlers-turns.ts'
import { mutants as host } from './host.ts'
import { mutants as network } from './host-network.ts'
import { mutants as log } from './log.ts'
import { mutants as appends } from './log-append.ts'
import { mutants as damage } from './log-damage.ts'
import { mutants as memory } from './log-memory.ts'
import { mutants as parts } from './log-parts.ts'
import { mutants as recovery } from './log-recovery.ts'
import { mutants as logTransactions } from './log-transactions.ts'
import { mutants as machine } from './machine.ts'
import { mutants as metadata } from './metadata.ts'
import { mutants as eligible } from './metadata-eligible.ts'
import { mutants as metadataEvidence } from './metadata-evidence.ts'
import { mutants as features } from './metadata-features.ts'
import { mutants as format } from './metadata-format.ts'
import { mutants as joining } from './metadata-joining.ts'
import { mutants as office } from './metadata-office.ts'
import { mutants as partitions } from './metadata-partitions.ts'
import { mutants as sessions } from './metadata-sessions.ts'
import * as oauthClient from './oauth-client.ts'
import { mutants as placement } from './metadata-placement.ts'
import { ofCoordinators, ofLog, ofReplication } from './transactions.ts'
import type { Mutant } from './mutant.ts'
import { mutants as peer } from './peer.ts'
import { mutants as endedProcess } from './peer-ended-process.ts'
import { mutants as protocol } from './protocol.ts'
import { mutants as costs } from './protocol-costs.ts'
import { mutants as messages } from './protocol-messages.ts'
import { mutants as records } from './protocol-records.ts'
import { mutants as quorum } from './quorum.ts'
import { mutants as wire } from './quorum-wire.ts'
import { mutants as replication } from './replication.ts'
import { mutants as deletions } from './replication-deletions.ts'
import { mutants as following } from './replication-following.ts'
import { mutants as nearest } from './replication-nearest.ts'
import { mutants as fetches } from './replication-fetch.ts'
import { mutants as followers } from './replication-followers.ts'
import { mutants as throttles } from './replication-throttles.ts'
import { mutants as security } from './security.ts'
import * as quota from './quota.ts'
import * as oauth from './security-oauth.ts'
import * as sasl from './security-sasl.ts'
import * as tls from './security-tls.ts'
import { mutants as server } from './server.ts'
import { mutants as connections } from './server-connection.ts'
import { mutants as pipeline } from './server-pipeline.ts'
import { mutants as frames } from './server-frames.ts'

/** The deliberate bugs, by the room that they are put into. */
export const rooms: Readonly<Record<string, readonly Mutant[]>> = {
  protocol: [...protocol, ...costs, ...messages, ...records],
  host: [...host, ...network, ...tls.ofHost, ...oauth.ofHost, ...oauthClient.ofHost],
  config: [...config, ...configStart],
  log: [
    ...log,
    ...appends,
    ...memory,
    ...parts,
    ...damage,
    ...recovery,
    ...logTransactions,
    ...ofLog,
  ],
  machine,
  peer: [...peer, ...endedProcess, ...tls.ofPeer],
  quorum: [...quorum, ...wire, ...forming.ofQuorum],
  metadata: [
    ...metadata,
    ...eligible,
    ...features,
    ...format,
    ...joining,
    ...office,
    ...partitions,
    ...placement,
    ...sessions,
    ...metadataEvidence,
    ...forming.ofMetadata,
    ...sasl.ofMetadata,
    ...quota.ofMetadata,
  ],
  replication: [
    ...replication,
    ...throttles,
    ...fetches,
    ...following,
    ...ofReplication,
    ...followers,
    ...deletions,
    ...nearest,
    ...quota.ofReplication,
  ],
  coordinators: [...coordinators, ...coordinatorsTransactions, ...ofCoordinators],
  security: [
    ...security,
    ...tls.mutants,
    ...tls.outgoing,
    ...sasl.mutants,
    ...oauth.mutants,
    ...oauthClient.ofSecurity,
  ],
  quota: quota.mutants,
  handlers: [
    ...handlers,
    ...handlersController,
    ...handlersGroups,
    ...handlersTransactions,
    ...access,
    ...turns,
    ...forming.ofHandlers,
    ...sasl.ofHandlers,
  ],
  server: [
    ...server,
    ...connections,
    ...frames,
    ...pipeline,
    ...tls.ofServer,
    ...sasl.ofServer,
    ...quota.ofServer,
  ],
  broker,
  controller: [...controller, ...evidence, ...forming.ofController],
  bin: [
    ...bin,
    ...reassign,
    ...storage,
    ...clientSecurity,
    ...localClusters,
    ...users,
    ...quotaCommand,
    ...oauthClient.ofBin,
    ...tokens,
  ],
}
