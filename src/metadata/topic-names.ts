const MAX_NAME_LENGTH = 249

/** Why a name can't be a topic's, in Kafka's words; null when it can. */
export function topicNameProblem(name: string): string | null {
  const prefix = 'Topic name is invalid: '
  if (name === '') return `${prefix}the empty string is not allowed`
  if (name === '.' || name === '..') return `${prefix}'${name}' is not allowed`
  if (name.length > MAX_NAME_LENGTH) {
    return `${prefix}the length of '${name}' is longer than the max allowed length ${MAX_NAME_LENGTH}`
  }
  if (/^[a-zA-Z0-9._-]+$/.test(name)) return null
  return `${prefix}'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
}

/** Metrics name topics with '.' turned to '_', so names that differ only there collide. Null: it can't collide. */
export function collisionKey(name: string): string | null {
  return /[._]/.test(name) ? name.replaceAll('.', '_') : null
}
