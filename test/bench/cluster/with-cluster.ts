import path from 'node:path'
import { removeAll } from '../brokers.ts'
import { type Compared } from '../samples.ts'
import { startAll } from './asking.ts'
import { type ClusterPlan, type Node, prepareNodes } from './nodes.ts'

const count = 3

/** What is to become a cluster, under a directory. */
export interface ClusterToBe extends Pick<ClusterPlan, 'nodeFlags' | 'settings'> {
  readonly kind: Compared
  /** What it is for. */
  readonly what: string
  readonly directory: string
}

/** Gives a body three nodes that serve, each a broker and a controller; ends them and removes what they have, whatever happens. */
export const withCluster = async <Result>(
  { kind, what, directory: parent, nodeFlags, settings }: ClusterToBe,
  body: (nodes: readonly Node[]) => Promise<Result>,
): Promise<Result> => {
  const directory = path.join(parent, `${what}-${kind}`)
  const roles = 'broker,controller'
  const nodes = await prepareNodes({ kind, count, roles, directory, nodeFlags, settings })
  try {
    await startAll(nodes, count)
    return await body(nodes)
  } finally {
    await Promise.all(nodes.map(({ process }) => process.stop()))
    await removeAll(directory)
  }
}
