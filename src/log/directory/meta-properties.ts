/** `meta.properties` of a log directory: whose it is. Ids are 22 characters of base64url. */
export interface MetaProperties {
  readonly clusterId: string
  readonly nodeId: number
  /** Null in directories that Kafka before 3.7 formatted. */
  readonly directoryId: string | null
}

const CURRENT_VERSION = '1'

/** In the form of Java's Properties, as Apache's StorageTool writes them. */
export function formatMetaProperties(properties: MetaProperties): string {
  const lines = ['#']
  if (properties.directoryId !== null) lines.push(`directory.id=${properties.directoryId}`)
  lines.push(`node.id=${properties.nodeId}`)
  lines.push(`version=${CURRENT_VERSION}`)
  lines.push(`cluster.id=${properties.clusterId}`)
  return `${lines.join('\n')}\n`
}

/** @returns null where something is missing, or the version is one that isn't known */
export function parseMetaProperties(content: string): MetaProperties | null {
  const values = new Map<string, string>()
  for (const line of content.split(/\r?\n/)) {
    const match = /^\s*([^#!\s][^=:\s]*)\s*[=:]\s*(.*?)\s*$/.exec(line)
    if (match !== null) values.set(match[1]!, match[2]!.replaceAll('\\', ''))
  }
  const clusterId = values.get('cluster.id')
  const nodeId = values.get('node.id') ?? ''
  if (values.get('version') !== CURRENT_VERSION || clusterId === undefined) return null
  if (!/^\d{1,10}$/.test(nodeId)) return null
  return { clusterId, nodeId: Number(nodeId), directoryId: values.get('directory.id') ?? null }
}
