/** Of the errors of a connection these come with the other side's RST. */
const BY_RST = ['ECONNRESET', 'EPIPE']

/**
 * Whether the other side's machine has ended a connection, by FIN or RST; a time-out of the system is silence.
 * @param error with which it was closed
 */
export function isPeersEnd(error: Error | undefined): boolean {
  return error === undefined || BY_RST.includes((error as NodeJS.ErrnoException).code ?? '')
}
