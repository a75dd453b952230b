import { ListGroups } from '../../protocol/messages/list-groups.ts'
import type { Client } from './client.ts'
import { BrokerError, throwUnlessNone } from './errors.ts'
import { nearest } from './nearest.ts'

export interface ListedGroup {
  readonly groupId: string
  /** `consumer`, `connect` or another; empty for groups that only commit offsets. */
  readonly protocolType: string
  /** Empty where the broker doesn't say (before 2.6). */
  readonly state: string
  /** `classic`, `consumer`, `share`, `streams`; before 3.8 all are classic. */
  readonly type: string
  readonly coordinator: number
}

export interface GroupFilters {
  readonly states?: readonly string[]
  readonly types?: readonly string[]
}

/** The groups that one broker coordinates. */
function listAt(client: Client, node: number, filters: GroupFilters): Promise<ListedGroup[]> {
  return client.retry(async () => {
    const answer = await client.request(
      ListGroups,
      { statesFilter: filters.states ?? [], typesFilter: filters.types ?? [] },
      { node },
    )
    throwUnlessNone(answer.errorCode, `The groups of broker ${node}`)
    return answer.groups.map(({ groupId, protocolType, groupState, groupType }) => ({
      groupId,
      protocolType,
      state: groupState,
      type: groupType === '' ? 'classic' : groupType.toLowerCase(),
      coordinator: node,
    }))
  })
}

/** The groups of all brokers, by name. Throws ClientError. */
export async function listGroups(
  client: Client,
  filters: GroupFilters = {},
): Promise<ListedGroup[]> {
  const { brokers } = await client.metadata([])
  const lists = await Promise.all(brokers.map(({ nodeId }) => listAt(client, nodeId, filters)))
  return lists.flat().sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** A group at its coordinator; null where there is none. */
export async function findGroup(client: Client, groupId: string): Promise<ListedGroup | null> {
  const groups = await listAt(client, await client.coordinator(groupId), {})
  return groups.find((group) => group.groupId === groupId) ?? null
}

/** The error for a group that doesn't exist, with the name that may have been meant. */
export async function unknownGroup(client: Client, groupId: string): Promise<BrokerError> {
  const all = await listGroups(client)
  const meant = nearest(
    groupId,
    all.map((group) => group.groupId),
  )
  return new BrokerError('GROUP_ID_NOT_FOUND', `Group ${groupId}`, 'there is no such group', {
    remedy:
      meant === null ? 'See those there are with: ottla groups list' : `Did you mean ${meant}?`,
  })
}
