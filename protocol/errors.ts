/**
 * Kafka's error vocabulary. In code an error is its name; only the codecs know its number.
 *
 * `retriable` is what Kafka's own clients take it for: they may send the same request again.
 */
export interface ErrorDefinition {
  readonly code: number
  readonly retriable: boolean
}

const permanent = (code: number): ErrorDefinition => ({ code, retriable: false })
const retriable = (code: number): ErrorDefinition => ({ code, retriable: true })

export const errors = {
  UNKNOWN_SERVER_ERROR: permanent(-1),
  NONE: permanent(0),
  OFFSET_OUT_OF_RANGE: permanent(1),
  CORRUPT_MESSAGE: retriable(2),
  UNKNOWN_TOPIC_OR_PARTITION: retriable(3),
  INVALID_FETCH_SIZE: permanent(4),
  LEADER_NOT_AVAILABLE: retriable(5),
  NOT_LEADER_OR_FOLLOWER: retriable(6),
  REQUEST_TIMED_OUT: retriable(7),
  BROKER_NOT_AVAILABLE: permanent(8),
  REPLICA_NOT_AVAILABLE: retriable(9),
  MESSAGE_TOO_LARGE: permanent(10),
  STALE_CONTROLLER_EPOCH: permanent(11),
  OFFSET_METADATA_TOO_LARGE: permanent(12),
  NETWORK_EXCEPTION: retriable(13),
  COORDINATOR_LOAD_IN_PROGRESS: retriable(14),
  COORDINATOR_NOT_AVAILABLE: retriable(15),
  NOT_COORDINATOR: retriable(16),
  INVALID_TOPIC_EXCEPTION: permanent(17),
  RECORD_LIST_TOO_LARGE: permanent(18),
  NOT_ENOUGH_REPLICAS: retriable(19),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: retriable(20),
  INVALID_REQUIRED_ACKS: permanent(21),
  ILLEGAL_GENERATION: permanent(22),
  INCONSISTENT_GROUP_PROTOCOL: permanent(23),
  INVALID_GROUP_ID: permanent(24),
  UNKNOWN_MEMBER_ID: permanent(25),
  INVALID_SESSION_TIMEOUT: permanent(26),
  REBALANCE_IN_PROGRESS: permanent(27),
  INVALID_COMMIT_OFFSET_SIZE: permanent(28),
  TOPIC_AUTHORIZATION_FAILED: permanent(29),
  GROUP_AUTHORIZATION_FAILED: permanent(30),
  CLUSTER_AUTHORIZATION_FAILED: permanent(31),
  INVALID_TIMESTAMP: permanent(32),
  UNSUPPORTED_SASL_MECHANISM: permanent(33),
  ILLEGAL_SASL_STATE: permanent(34),
  UNSUPPORTED_VERSION: permanent(35),
  TOPIC_ALREADY_EXISTS: permanent(36),
  INVALID_PARTITIONS: permanent(37),
  INVALID_REPLICATION_FACTOR: permanent(38),
  INVALID_REPLICA_ASSIGNMENT: permanent(39),
  INVALID_CONFIG: permanent(40),
  NOT_CONTROLLER: retriable(41),
  INVALID_REQUEST: permanent(42),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: permanent(43),
  POLICY_VIOLATION: permanent(44),
  OUT_OF_ORDER_SEQUENCE_NUMBER: permanent(45),
  DUPLICATE_SEQUENCE_NUMBER: permanent(46),
  INVALID_PRODUCER_EPOCH: permanent(47),
  INVALID_TXN_STATE: permanent(48),
  INVALID_PRODUCER_ID_MAPPING: permanent(49),
  INVALID_TRANSACTION_TIMEOUT: permanent(50),
  CONCURRENT_TRANSACTIONS: retriable(51),
  TRANSACTION_COORDINATOR_FENCED: permanent(52),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: permanent(53),
  SECURITY_DISABLED: permanent(54),
  OPERATION_NOT_ATTEMPTED: permanent(55),
  KAFKA_STORAGE_ERROR: retriable(56),
  LOG_DIR_NOT_FOUND: permanent(57),
  SASL_AUTHENTICATION_FAILED: permanent(58),
  UNKNOWN_PRODUCER_ID: permanent(59),
  REASSIGNMENT_IN_PROGRESS: permanent(60),
  DELEGATION_TOKEN_AUTH_DISABLED: permanent(61),
  DELEGATION_TOKEN_NOT_FOUND: permanent(62),
  DELEGATION_TOKEN_OWNER_MISMATCH: permanent(63),
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: permanent(64),
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: permanent(65),
  DELEGATION_TOKEN_EXPIRED: permanent(66),
  INVALID_PRINCIPAL_TYPE: permanent(67),
  NON_EMPTY_GROUP: permanent(68),
  GROUP_ID_NOT_FOUND: permanent(69),
  FETCH_SESSION_ID_NOT_FOUND: retriable(70),
  INVALID_FETCH_SESSION_EPOCH: retriable(71),
  LISTENER_NOT_FOUND: retriable(72),
  TOPIC_DELETION_DISABLED: permanent(73),
  FENCED_LEADER_EPOCH: retriable(74),
  UNKNOWN_LEADER_EPOCH: retriable(75),
  UNSUPPORTED_COMPRESSION_TYPE: permanent(76),
  STALE_BROKER_EPOCH: permanent(77),
  OFFSET_NOT_AVAILABLE: retriable(78),
  MEMBER_ID_REQUIRED: permanent(79),
  PREFERRED_LEADER_NOT_AVAILABLE: retriable(80),
  GROUP_MAX_SIZE_REACHED: permanent(81),
  FENCED_INSTANCE_ID: permanent(82),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: retriable(83),
  ELECTION_NOT_NEEDED: retriable(84),
  NO_REASSIGNMENT_IN_PROGRESS: permanent(85),
  GROUP_SUBSCRIBED_TO_TOPIC: permanent(86),
  INVALID_RECORD: permanent(87),
  UNSTABLE_OFFSET_COMMIT: retriable(88),
  THROTTLING_QUOTA_EXCEEDED: retriable(89),
  PRODUCER_FENCED: permanent(90),
  RESOURCE_NOT_FOUND: permanent(91),
  DUPLICATE_RESOURCE: permanent(92),
  UNACCEPTABLE_CREDENTIAL: permanent(93),
  INCONSISTENT_VOTER_SET: permanent(94),
  INVALID_UPDATE_VERSION: permanent(95),
  FEATURE_UPDATE_FAILED: permanent(96),
  PRINCIPAL_DESERIALIZATION_FAILURE: permanent(97),
  SNAPSHOT_NOT_FOUND: permanent(98),
  POSITION_OUT_OF_RANGE: permanent(99),
  UNKNOWN_TOPIC_ID: retriable(100),
  DUPLICATE_BROKER_REGISTRATION: permanent(101),
  BROKER_ID_NOT_REGISTERED: permanent(102),
  INCONSISTENT_TOPIC_ID: retriable(103),
  INCONSISTENT_CLUSTER_ID: permanent(104),
  TRANSACTIONAL_ID_NOT_FOUND: permanent(105),
  FETCH_SESSION_TOPIC_ID_ERROR: retriable(106),
  INELIGIBLE_REPLICA: permanent(107),
  NEW_LEADER_ELECTED: permanent(108),
  OFFSET_MOVED_TO_TIERED_STORAGE: permanent(109),
  FENCED_MEMBER_EPOCH: permanent(110),
  UNRELEASED_INSTANCE_ID: permanent(111),
  UNSUPPORTED_ASSIGNOR: permanent(112),
  STALE_MEMBER_EPOCH: permanent(113),
  MISMATCHED_ENDPOINT_TYPE: permanent(114),
  UNSUPPORTED_ENDPOINT_TYPE: permanent(115),
  UNKNOWN_CONTROLLER_ID: permanent(116),
  UNKNOWN_SUBSCRIPTION_ID: permanent(117),
  TELEMETRY_TOO_LARGE: permanent(118),
  INVALID_REGISTRATION: permanent(119),
  TRANSACTION_ABORTABLE: permanent(120),
  INVALID_RECORD_STATE: permanent(121),
  SHARE_SESSION_NOT_FOUND: retriable(122),
  INVALID_SHARE_SESSION_EPOCH: retriable(123),
  FENCED_STATE_EPOCH: permanent(124),
  INVALID_VOTER_KEY: permanent(125),
  DUPLICATE_VOTER: permanent(126),
  VOTER_NOT_FOUND: permanent(127),
  INVALID_REGULAR_EXPRESSION: permanent(128),
  REBOOTSTRAP_REQUIRED: permanent(129),
  STREAMS_INVALID_TOPOLOGY: permanent(130),
  STREAMS_INVALID_TOPOLOGY_EPOCH: permanent(131),
  STREAMS_TOPOLOGY_FENCED: permanent(132),
  SHARE_SESSION_LIMIT_REACHED: retriable(133),
  GROUP_DELETION_FAILED: permanent(134),
  STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED: permanent(135),
  CONTROLLER_ID_NOT_REGISTERED: permanent(136),
} as const satisfies Record<string, ErrorDefinition>

export type ErrorName = keyof typeof errors

const nameByCode: readonly (ErrorName | undefined)[] = (() => {
  const names: (ErrorName | undefined)[] = []
  for (const [name, { code }] of Object.entries(errors)) names[code + 1] = name as ErrorName
  return names
})()

/**
 * The name of an error code. A code that Kafka 4.4.0 does not know (a newer peer's) becomes `ERROR_<code>`, so that it
 * survives being passed on; such a name is outside of `ErrorName` and matches no case.
 */
export function errorName(code: number): ErrorName {
  return nameByCode[code + 1] ?? (`ERROR_${code}` as ErrorName)
}

/** The number that stands for an error on the wire. */
export function errorNumber(name: ErrorName): number {
  const known: ErrorDefinition | undefined = errors[name]
  if (known !== undefined) return known.code
  const unknown = /^ERROR_(-?\d+)$/.exec(name)
  if (unknown === null) throw new TypeError(`${name} is not the name of a Kafka error`)
  return Number(unknown[1])
}
